// Random typed expressions over random rows: the compiled closure answers what SQLite answers. Every bounded, deterministic function takes part by
// itself, because the generator reads the registry.
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { arrayOfCells } from "../../../src/model/array.ts";
import { MAX_PRECISION } from "../../../src/model/decimal.ts";
import { encodeFileRef } from "../../../src/model/file-ref.ts";
import { intervalCell } from "../../../src/model/interval.ts";
import type { Cell, SqlType, TypeKind } from "../../../src/model/sql-type.ts";
import { cellToSqlite, TYPES, typeOfKind } from "../../../src/model/types.ts";
import type { CompareOp, Expr } from "../../../src/sql/expression.ts";
import { castRule } from "../../../src/sql/functions/casts.ts";
import { type FunctionDefinition, kindsFor, type Overload } from "../../../src/sql/functions/definition.ts";
import { FUNCTIONS } from "../../../src/sql/functions/function-list.ts";
import { overloadOf } from "../../../src/sql/functions/registry.ts";
import { embeddingOf } from "../../storage/cold/arbitrary.ts";
import * as e from "./expressions.ts";

const KINDS = Object.keys(TYPES) as readonly TypeKind[];
const COLUMNS: readonly SqlType[] = KINDS.map((kind) => (kind === "decimal" ? e.decimal(12, 3) : columnType(kind)));

const SPECIAL_TEXTS = [
  "",
  "%",
  "_",
  "a%_b",
  "\\",
  "hex",
  "base64",
  "year",
  "week",
  "1",
  "-7.5",
  "true",
  "{a,0}",
  "a",
  "2024-02-29 10:00",
  "YYYY-MM-DD",
  "\ufffd",
  "😀",
];
const text = fc.oneof(
  fc.constantFrom(...SPECIAL_TEXTS),
  fc.string({ unit: "binary", maxLength: 6 }).map((value) => value.replaceAll("\u0000", "")),
  fc.string({ unit: fc.constantFrom("a", "B", "é", "😀", "%", "_", " "), maxLength: 8 }),
);
const wide = (min: bigint, max: bigint): fc.Arbitrary<bigint> =>
  fc.oneof(fc.bigInt({ min: -20n, max: 20n }), fc.bigInt({ min, max }), fc.constantFrom(min, max));
const narrow = (min: number, max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.integer({ min: -8, max: 8 }), fc.integer({ min, max }), fc.constantFrom(min, max));
const instant = wide(-210_866_803_200_000_000n, 9_223_371_331_200_000_000n);

const fileRef = fc.nat().map((size) => {
  const rest = { name: "a b.txt", size, mime: "text/plain", sha256: "0".repeat(64) };
  return encodeFileRef({ id: String(size + 1), sub: "f0001", ...rest });
});

const CELLS: Record<TypeKind, fc.Arbitrary<Cell>> = {
  boolean: fc.boolean(),
  smallint: narrow(-32_768, 32_767),
  int: narrow(-2_147_483_648, 2_147_483_647),
  bigint: wide(-(2n ** 63n), 2n ** 63n - 1n),
  decimal: wide(-(10n ** 12n) + 1n, 10n ** 12n - 1n),
  float: fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
  double: fc
    .oneof(fc.double({ noNaN: true }), fc.integer({ min: -9, max: 9 }), fc.constantFrom(0.5, -1.5, 2 ** 53, 2 ** 62))
    .map((value) => value + 0),
  text,
  timestamp: instant,
  datetime: instant,
  date: narrow(-100_000, 100_000),
  time: narrow(0, 86_400_000_000),
  json: fc.oneof(fc.json({ maxDepth: 3 }), fc.constantFrom('{"a":[1,"x",null]}', '[{"a":1.0},2]', '"a"')),
  bytes: fc.uint8Array({ maxLength: 5 }),
  uuid: fc.uuid(),
  interval: fc
    .record({ months: narrow(-1000, 1000), days: narrow(-9999, 9999), us: wide(-(10n ** 15n), 10n ** 15n) })
    .map(intervalCell),
  array: fc.array(fc.option(text), { maxLength: 3 }).map((cells) => arrayOfCells(cells, "text")),
  embedding: embeddingOf(2),
  file: fileRef,
};

/** Their arguments are the renderer's own, in a form no expression has. */
const RENDERER_ONLY = [
  "raise",
  "decimal_sum",
  "decimal_average",
  "interval_sum",
  "interval_average",
  "json_object_of",
  // The type of the elements is the binder's to settle; `postgres-answers.test.ts` asks both executors.
  "array_of",
  "array_element",
  "array_compare",
  "json_of_array",
];
const CALLABLE: readonly { readonly definition: FunctionDefinition; readonly overload: Overload }[] = FUNCTIONS.filter(
  (definition) => definition.bounded && definition.deterministic && !RENDERER_ONLY.includes(definition.name),
).flatMap((definition) => definition.overloads.map((overload) => ({ definition, overload })));

function nullableCell(kind: TypeKind): fc.Arbitrary<Cell> {
  return fc.option(CELLS[kind], { freq: 8 });
}

const BOOLEAN: SqlType = { kind: "boolean" };

class ExpressionGenerator {
  readonly #gen: fc.GeneratorValue;
  constructor(gen: fc.GeneratorValue) {
    this.#gen = gen;
  }

  /** By index: fast-check keeps every arbitrary it was asked for, and compares their arguments. */
  #oneOf<T>(...choices: readonly T[]): T {
    const choice = choices[this.#gen(fc.nat, choices.length - 1)];
    if (choice === undefined) throw new Error("nothing to choose from");
    return choice;
  }

  #flag(): boolean {
    return this.#gen(fc.boolean);
  }

  of(type: SqlType, depth: number): Expr {
    const leaf = (): Expr =>
      this.#flag() ? { kind: "constant", type, value: this.#gen(nullableCell, type.kind) } : this.#column(type);
    if (depth === 0) return leaf();
    const makers = [leaf, () => this.#call(type, depth - 1), () => this.#call(type, depth - 1)];
    makers.push(
      () => this.#cast(type, depth - 1),
      () => this.#choice(type, depth - 1),
    );
    if (type.kind === "boolean") makers.push(...Array.from({ length: 6 }, () => () => this.#predicate(depth - 1)));
    return this.#oneOf(...makers)();
  }

  #any(depth: number): Expr {
    return this.of(this.#oneOf(...COLUMNS), depth);
  }

  #column(type: SqlType): Expr {
    const index = KINDS.indexOf(type.kind);
    const column: Expr = { kind: "column", type: COLUMNS[index] ?? type, relation: 0, column: index };
    return type.kind === "decimal" ? e.cast(column, type) : column;
  }

  #call(type: SqlType, depth: number): Expr {
    const candidates = CALLABLE.filter(
      ({ overload }) => overload.returns(overload.args.map(columnType)).kind === type.kind,
    );
    if (candidates.length === 0) return this.#column(type);
    const { definition, overload } = this.#oneOf(...candidates);
    const count = overload.args.length + (overload.variadic ? this.#gen(fc.nat, 2) : 0);
    const args = (kindsFor(overload, count) ?? []).map((kind) => this.of(columnType(kind), depth));
    const name = e.nameOf(definition.name);
    const argTypes = args.map((arg) => arg.type);
    // The overload the arguments select may be another one only if two have the same kinds, which the registry's test rules out.
    const result = overloadOf(name, argTypes).overload.returns(argTypes);
    const called: Expr = { kind: "call", type: result, name, args };
    return type.kind === "decimal" ? e.cast(called, type) : called;
  }

  #cast(type: SqlType, depth: number): Expr {
    const sources = COLUMNS.filter((source) => castRule(source, type) !== undefined);
    return e.cast(this.of(this.#oneOf(...sources), depth), type);
  }

  #choice(type: SqlType, depth: number): Expr {
    if (this.#flag()) return e.coalesce(this.of(type, depth), this.of(type, depth));
    return e.caseWhen(this.of(BOOLEAN, depth), this.of(type, depth), this.of(type, depth));
  }

  #predicate(depth: number): Expr {
    const left = this.#any(depth);
    const same = (): Expr => this.of(left.type, depth);
    const truth = (): Expr => this.of(BOOLEAN, depth);
    const flag = this.#flag();
    const makers = [
      () => e.compare(left, this.#oneOf<CompareOp>("=", "<>", "<", "<=", ">", ">="), same()),
      () => e.distinct(left, same(), flag),
      () => e.isNull(left, flag),
      () => e.isIn(left, [same(), same()], flag),
      () => e.isTruth(truth(), this.#oneOf<boolean | null>(true, false, null), flag),
      () => e.and(truth(), truth()),
      () => e.or(truth(), truth()),
      () => e.not(truth()),
    ];
    return this.#oneOf(...makers)();
  }
}

function columnType(kind: TypeKind): SqlType {
  if (kind === "embedding") return { kind, dimensions: 2 };
  return kind === "decimal" ? e.decimal(MAX_PRECISION, 3) : typeOfKind(kind);
}

/** AND, OR and IN may leave out operands, in an order SQL does not promise: an error on one side only is then no disagreement. */
function mayLeaveOut(expr: Expr): boolean {
  return /"kind":"(and|or|in)"/.test(
    JSON.stringify(expr, (_key, value) => (typeof value === "bigint" ? String(value) : value)),
  );
}

const db = e.openDatabase();
afterAll(() => db.close());
db.run(`CREATE TABLE r (${COLUMNS.map((type, i) => `c${i} ${TYPES[type.kind].sqlite}`).join(", ")}) STRICT`);
const insert = db.prepare(`INSERT INTO r VALUES (${COLUMNS.map(() => "?").join(", ")})`);

function agrees(type: SqlType): void {
  const row = fc.tuple(...COLUMNS.map(({ kind }) => fc.option(CELLS[kind], { freq: 6 })));
  fc.assert(
    fc.property(row, fc.gen(), (cells, gen) => {
      const expr = new ExpressionGenerator(gen).of(type, 4);
      db.run("DELETE FROM r");
      insert.run(...cells.map((cell, i) => cellToSqlite(cell, COLUMNS[i] ?? type)));
      const compiled = e.byCompile(expr, cells);
      const sqlite = e.bySqlite(db, expr, "FROM r");
      if (compiled === undefined) throw new Error("an expression of bounded functions did not compile");
      if ("error" in compiled !== "error" in sqlite && mayLeaveOut(expr)) return;
      if ("error" in compiled && "error" in sqlite) return;
      expect({ sql: e.render(expr, []), outcome: compiled }).toEqual({ sql: e.render(expr, []), outcome: sqlite });
    }),
    { numRuns: 400, includeErrorInReport: true },
  );
}

test.each(COLUMNS.map((type) => ({ kind: type.kind, type })))(
  "LQ-09 a compiled expression of type $kind answers what SQLite answers",
  ({ type }) => agrees(type),
  30_000,
);
