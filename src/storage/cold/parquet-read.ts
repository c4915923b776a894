// A segment file → row versions of the wanted schema. Columns are found by id, so a file older than an ALTER still reads; a key lookup decodes only the pages
// its statistics, Bloom filters and page indexes cannot rule out. A file that is missing, damaged or somebody else's is an error, never fewer rows.
import {
  type DecodedArray,
  type ParquetQueryFilter,
  type ParquetScan,
  parquetMetadataAsync,
  parquetScan,
} from "hyparquet";
import { assert } from "../../base/errors.ts";
import { type Seq, seqOf } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import { type Column, keyColumn, type TableSchema } from "../../model/schema.ts";
import { type Cell, type SqlType, sameType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { ObjectReader, ObjectStore } from "../objects/object-store.ts";
import { checked } from "./block-checksums.ts";
import { decompress } from "./chunk-pages.ts";
import { PARQUET_COLUMNS } from "./parquet-column.ts";
import {
  DELETED_FIELD,
  fieldName,
  fileBuffer,
  isPrunable,
  readFooter,
  SEQ_FIELD,
  type SegmentFooter,
  type SegmentSource,
  STATISTICS,
  storedType,
  unreadable,
} from "./segment-footer.ts";
import { parseSegmentMetadata, type SegmentMetadata } from "./segment-metadata.ts";

export interface SegmentQuery extends SegmentSource {
  /** Only versions of these keys. */
  readonly keys?: readonly Cell[];
  /** Only versions above this position. */
  readonly after?: Seq;
  /** Of this very file, read before. */
  readonly footer?: SegmentFooter;
}

/** In batches of at most one row group, ordered by key within the file. */
export async function* readSegment(query: SegmentQuery): AsyncGenerator<readonly RowVersion[]> {
  let file: ObjectReader;
  try {
    file = await query.objects.open(query.path);
  } catch (cause) {
    throw unreadable(query.schema, cause);
  }
  try {
    const footer = query.footer ?? (await readFooter(fileBuffer(file), query));
    yield* readRows(file, query, footer);
  } catch (cause) {
    file.forget?.();
    throw unreadable(query.schema, cause);
  } finally {
    file.close();
  }
}

/** The key-value metadata alone. */
export async function readSegmentMetadata(objects: ObjectStore, path: string): Promise<SegmentMetadata> {
  const file = await objects.open(path);
  try {
    const metadata = await parquetMetadataAsync(fileBuffer(file), { geoparquet: false });
    return parseSegmentMetadata(metadata.key_value_metadata ?? []);
  } finally {
    file.close();
  }
}

async function* readRows(
  file: ObjectReader,
  query: SegmentQuery,
  open: SegmentFooter,
): AsyncGenerator<readonly RowVersion[]> {
  const filter = pruningFilter(query, open.stored);
  const scan = await parquetScan({
    file: checked(fileBuffer(file), open.checksums),
    metadata: open.metadata,
    utf8: false,
    parsers: STATISTICS,
    compressors: { ZSTD: decompress },
    useBloomFilters: true,
    usePageIndex: true,
    ...(filter === undefined ? {} : { pruningFilter: filter }),
  });
  const decode = rowDecoder(query.schema, open.stored);
  for (const range of scan.ranges) {
    const rows = await readRange({ scan, query, stored: open.stored, decode }, range);
    if (rows.length > 0) yield rows;
  }
}

interface RangeRead {
  readonly scan: ParquetScan;
  readonly query: SegmentQuery;
  readonly stored: SegmentMetadata;
  readonly decode: RowDecoder;
}

interface RowRange {
  readonly rowStart: number;
  readonly rowEnd: number;
}

async function readRange(read: RangeRead, range: RowRange): Promise<readonly RowVersion[]> {
  const { scan, query, decode } = read;
  const column = async (name: string): Promise<DecodedArray> => {
    const data = await scan.readColumn({ column: name, ...range });
    assert(data.length === range.rowEnd - range.rowStart, "a column chunk has a value for every row");
    return data;
  };
  const wanted = await wantedRows(read, range, column);
  if (wanted.length === 0) return [];
  const seqs = await column(SEQ_FIELD);
  const deleted = await column(DELETED_FIELD);
  const data: DecodedArray[] = [];
  for (const field of decode.fields) data.push(field === undefined ? [] : await column(field));
  return wanted.map((at) => {
    const seq: unknown = seqs[at];
    const isDeleted: unknown = deleted[at];
    assert(typeof seq === "bigint" && typeof isDeleted === "boolean", `${query.path} has its system columns`);
    return { seq: seqOf(seq), deleted: isDeleted, cells: decode.cells(data, at) };
  });
}

/** Positions in the range whose key and `_seq` are asked for. Statistics only ever rule out; here is the exact answer. */
async function wantedRows(
  read: RangeRead,
  range: RowRange,
  column: (name: string) => Promise<DecodedArray>,
): Promise<number[]> {
  const { query, stored } = read;
  const count = range.rowEnd - range.rowStart;
  let wanted = Array.from({ length: count }, (_unused, index) => index);
  if (query.keys !== undefined) {
    const key = keyColumn(query.schema);
    const decoder = cellDecoder(key, storedType(stored, key));
    const data = await column(fieldName(key.id));
    const texts = new Set(query.keys.map((cell) => keyText(cell)));
    wanted = wanted.filter((at) => texts.has(keyText(decoder(data[at]))));
  }
  const { after } = query;
  if (after !== undefined) {
    const seqs = await column(SEQ_FIELD);
    wanted = wanted.filter((at) => {
      const seq: unknown = seqs[at];
      return typeof seq === "bigint" && seq > after;
    });
  }
  return wanted;
}

/** Equal for equal cells of one type. */
function keyText(cell: Cell): string {
  return cell instanceof Uint8Array ? cell.toHex() : String(cell === 0 ? 0 : cell);
}

function pruningFilter(query: SegmentQuery, stored: SegmentMetadata): ParquetQueryFilter | undefined {
  const conditions: ParquetQueryFilter[] = [];
  if (query.after !== undefined) conditions.push({ [SEQ_FIELD]: { $gt: query.after } });
  const key = keyColumn(query.schema);
  const type = storedType(stored, key);
  // A key stored under another type is compared after decoding only.
  if (query.keys !== undefined && type !== undefined && sameType(type, key.type) && isPrunable(type)) {
    const { toPhysical } = PARQUET_COLUMNS[type.kind];
    const values = query.keys.flatMap((cell) => (cell === null ? [] : [toPhysical(cell)]));
    conditions.push({ [fieldName(key.id)]: { $in: values } });
  }
  return conditions.length === 0 ? undefined : { $and: conditions };
}

interface RowDecoder {
  /** Field of each wanted column; undefined where the file has none. */
  readonly fields: readonly (string | undefined)[];
  readonly cells: (data: readonly DecodedArray[], at: number) => Cell[];
}

function rowDecoder(schema: TableSchema, stored: SegmentMetadata): RowDecoder {
  const types = schema.columns.map((column) => storedType(stored, column));
  const decoders = schema.columns.map((column, index) => cellDecoder(column, types[index]));
  return {
    fields: schema.columns.map((column, index) => (types[index] === undefined ? undefined : fieldName(column.id))),
    cells: (data, at) => decoders.map((decode, index) => decode(data[index]?.[at])),
  };
}

type CellDecoder = (value: unknown) => Cell;

/** A column younger than the file has the value that was fixed when it was added. */
function cellDecoder(column: Column, stored: SqlType | undefined): CellDecoder {
  if (stored === undefined) {
    const { initial = null } = column;
    return () => initial;
  }
  const { fromPhysical } = PARQUET_COLUMNS[stored.kind];
  if (sameType(stored, column.type)) {
    return (value) => (value === null || value === undefined ? null : fromPhysical(value));
  }
  const { toText } = TYPES[stored.kind];
  const { parse } = TYPES[column.type.kind];
  return (value) =>
    value === null || value === undefined ? null : parse(toText(fromPhysical(value), stored), column.type);
}
