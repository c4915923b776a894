// Random tables and rows over every SQL type, extremes included.
import fc from "fast-check";
import { parseName, type Scope, SHARED_SCOPE, seqOf, tableIdOf } from "../../../src/base/ids.ts";
import type { RowVersion } from "../../../src/model/change.ts";
import type { Column, TableKind, TableSchema } from "../../../src/model/schema.ts";
import type { Cell, SqlType } from "../../../src/model/sql-type.ts";

const MIN_64 = -(2n ** 63n);
const MAX_64 = 2n ** 63n - 1n;

export const ALL_TYPES: readonly SqlType[] = [
  { kind: "boolean" },
  { kind: "smallint" },
  { kind: "int" },
  { kind: "bigint" },
  { kind: "float" },
  { kind: "double" },
  { kind: "decimal", precision: 38, scale: 10 },
  { kind: "decimal", precision: 9, scale: 0 },
  { kind: "text" },
  { kind: "timestamp" },
  { kind: "datetime" },
  { kind: "date" },
  { kind: "time" },
  { kind: "json" },
  { kind: "bytes" },
  { kind: "uuid" },
  { kind: "embedding", dimensions: 3 },
];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }).map((value) => value.toWellFormed().replaceAll("\u0000", "")),
  fc.constantFrom("", "\ufeffmark first", "\u{10ffff}\uffff", "é", "a".repeat(70_000)),
);
const withoutNegativeZero = (value: number): number => (value === 0 ? 0 : value);

/** The bytes of so many finite 32-bit numbers. */
export function embeddingOf(dimensions: number): fc.Arbitrary<Uint8Array> {
  const number = fc.float({ noNaN: true, noDefaultInfinity: true }).map(withoutNegativeZero);
  return fc
    .array(number, { minLength: dimensions, maxLength: dimensions })
    .map((numbers) => new Uint8Array(new Float32Array(numbers).buffer));
}

/** Of a type that a column may have. */
export function cellOf(type: SqlType): fc.Arbitrary<Exclude<Cell, null>> {
  switch (type.kind) {
    case "boolean":
      return fc.boolean();
    case "smallint":
      return fc.oneof(fc.integer({ min: -32_768, max: 32_767 }), fc.constantFrom(-32_768, 32_767));
    case "int":
      return fc.oneof(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1));
    case "bigint":
      return fc.oneof(fc.bigInt({ min: MIN_64, max: MAX_64 }), fc.constantFrom(MIN_64, MAX_64, 2n ** 53n + 1n));
    case "float":
      return fc.float({ noNaN: true }).map(withoutNegativeZero);
    case "double":
      return fc.double({ noNaN: true }).map(withoutNegativeZero);
    case "decimal": {
      const limit = 10n ** BigInt(type.precision) - 1n;
      return fc.oneof(fc.bigInt({ min: -limit, max: limit }), fc.constantFrom(-limit, limit, 0n, -1n));
    }
    case "text":
      return text;
    case "timestamp":
    case "datetime":
      return fc.oneof(
        fc.bigInt({ min: -210_866_803_200_000_000n, max: 9_223_371_331_200_000_000n }),
        fc.constantFrom(-1n, 1_700_000_000_123_456n),
      );
    case "date":
      return fc.integer({ min: -2_440_588, max: 106_751_990 });
    case "time":
      return fc.oneof(fc.integer({ min: 0, max: 86_400_000_000 - 1 }), fc.constant(86_400_000_000));
    case "json":
    case "file":
      return fc.oneof(fc.json(), fc.constantFrom("null", '{"a": 9007199254740993}', '"\ufeff"'));
    case "bytes":
      return fc.uint8Array({ maxLength: 40 });
    case "uuid":
      return fc.uuid();
    case "embedding":
      return embeddingOf(type.dimensions);
    case "interval":
    case "array":
      throw new Error(`no column is of type ${type.kind}`);
  }
}

export function columnOf(id: number, type: SqlType, name = `col_${id}`): Column {
  return { id, name: parseName(name), type, nullable: id !== 1, default: undefined };
}

export function schemaOf(columns: readonly Column[], options: { kind?: TableKind; id?: number } = {}): TableSchema {
  return {
    id: tableIdOf(options.id ?? 7),
    namespace: parseName("chat"),
    name: parseName("messages"),
    kind: options.kind ?? "shared",
    columns,
    keyIndex: 0,
    version: 1,
    options: { storageId: "local", flushPolicy: undefined, accessLevel: "public" },
    createdAtMs: 0,
    updatedAtMs: 0,
  };
}

/** Text that is one cell, equal for equal cells. */
export function cellText(cell: Cell | undefined): string {
  return cell instanceof Uint8Array ? `\\x${cell.toHex()}` : `${typeof cell}:${String(cell)}`;
}

export function rowText(row: RowVersion): string {
  return `${row.seq} ${row.deleted} ${row.cells.map(cellText).join(" | ")}`;
}

/** Rows with distinct keys; the other cells are NULL now and then. */
export function rowsOf(schema: TableSchema, maxLength = 60): fc.Arbitrary<RowVersion[]> {
  const cells = schema.columns.map((column, index) =>
    index === schema.keyIndex ? cellOf(column.type) : fc.option(cellOf(column.type), { freq: 4, nil: null }),
  );
  return fc
    .uniqueArray(fc.tuple(fc.boolean(), fc.tuple(...cells)), {
      minLength: 1,
      maxLength,
      selector: ([, row]) => cellText(row[schema.keyIndex]),
    })
    .map((rows) =>
      rows.map(([deleted, row], index) => ({
        seq: seqOf(327_500_846_641_356_801n + BigInt(index)),
        deleted,
        cells: row,
      })),
    );
}

export const SHARED: Scope = SHARED_SCOPE;
