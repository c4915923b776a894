// A segment file → row versions of the wanted schema. Columns are found by id, so a file older than an ALTER still reads; a key lookup decodes only the pages
// its statistics, Bloom filters and page indexes cannot rule out. A file that is missing, damaged or somebody else's is an error, never fewer rows.
import { type DecodedArray, type FileMetaData, type ParquetScan, parquetMetadataAsync, parquetScan } from "hyparquet";
import { assert, DbError } from "../../base/errors.ts";
import { seqOf } from "../../base/ids.ts";
import type { RowVersion } from "../../model/change.ts";
import type { Column, TableSchema } from "../../model/schema.ts";
import { type Cell, type SqlType, sameType } from "../../model/sql-type.ts";
import { TYPES } from "../../model/types.ts";
import type { ObjectReader, ObjectStore } from "../objects/object-store.ts";
import { checked } from "./block-checksums.ts";
import { chunkRange, decompress } from "./chunk-pages.ts";
import { listsInRange } from "./list-pages.ts";
import { listBytes, PARQUET_COLUMNS } from "./parquet-column.ts";
import {
  chunkOf,
  DELETED_FIELD,
  fieldName,
  fileBuffer,
  readFooter,
  SEQ_FIELD,
  type SegmentFooter,
  type SegmentSource,
  STATISTICS,
  storedType,
  unreadable,
} from "./segment-footer.ts";
import { parseSegmentMetadata, type SegmentMetadata } from "./segment-metadata.ts";

/** In batches of at most one row group, ordered by key within the file. */
export async function* readSegment(query: SegmentSource): AsyncGenerator<readonly RowVersion[]> {
  let file: ObjectReader;
  try {
    file = await query.objects.open(query.path);
  } catch (cause) {
    throw unreadable(query.schema, cause);
  }
  try {
    yield* readRows(file, query, await readFooter(fileBuffer(file), query));
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
  query: SegmentSource,
  open: SegmentFooter,
): AsyncGenerator<readonly RowVersion[]> {
  const scan = await parquetScan({
    file: checked(fileBuffer(file), open.checksums),
    metadata: open.metadata,
    utf8: false,
    parsers: STATISTICS,
    compressors: { ZSTD: decompress },
  });
  const decode = rowDecoder(query.schema, open.stored);
  const lists = listReader(file, open);
  for (const range of scan.ranges) {
    const rows = await readRange({ scan, query, decode, lists }, range);
    if (rows.length > 0) yield rows;
  }
}

interface RangeRead {
  readonly scan: ParquetScan;
  readonly query: SegmentSource;
  readonly decode: RowDecoder;
  readonly lists: ListReader;
}

interface RowRange {
  readonly rowStart: number;
  readonly rowEnd: number;
}

async function readRange(read: RangeRead, range: RowRange): Promise<readonly RowVersion[]> {
  const { scan, query, decode, lists } = read;
  const column = async (name: string): Promise<DecodedArray> => {
    const data = await scan.readColumn({ column: name, ...range });
    assert(data.length === range.rowEnd - range.rowStart, "a column chunk has a value for every row");
    return data;
  };
  const seqs = await column(SEQ_FIELD);
  const deleted = await column(DELETED_FIELD);
  const data: DecodedArray[] = [];
  for (const field of decode.fields) {
    data.push(field === undefined ? [] : ((await lists(field, range)) ?? (await column(field))));
  }
  return Array.from({ length: seqs.length }, (_unused, at) => {
    const seq: unknown = seqs[at];
    const isDeleted: unknown = deleted[at];
    assert(typeof seq === "bigint" && typeof isDeleted === "boolean", `${query.path} has its system columns`);
    return { seq: seqOf(seq), deleted: isDeleted, cells: decode.cells(data, at) };
  });
}

/** Undefined: the field is not one of lists in this file. */
type ListReader = (field: string, range: RowRange) => Promise<DecodedArray | undefined>;

/** The library would make a value of each number of a list. */
function listReader(file: ObjectReader, footer: SegmentFooter): ListReader {
  const { metadata, stored, checksums } = footer;
  const bytes = checked(fileBuffer(file), checksums);
  const bytesByField = new Map(stored.columns.map(({ id, type }) => [fieldName(id), listBytes(type)]));
  return async (field, { rowStart, rowEnd }) => {
    const { group, groupStart } = groupAt(metadata, rowStart);
    const chunk = chunkOf(footer, group, field);
    if (chunk === undefined || chunk.path_in_schema.length === 1) return undefined;
    const place = chunkRange(chunk);
    const source = await bytes.slice(place.start, place.end);
    const rows = { start: rowStart - groupStart, end: rowEnd - groupStart };
    return listsInRange(source, { metadata, chunk, rows, listBytes: bytesByField.get(field) ?? 0 });
  };
}

function groupAt(metadata: FileMetaData, row: number): { readonly group: number; readonly groupStart: number } {
  let groupStart = 0;
  for (const [group, { num_rows: rows }] of metadata.row_groups.entries()) {
    if (row < groupStart + Number(rows)) return { group, groupStart };
    groupStart += Number(rows);
  }
  throw new DbError("STORAGE_ERROR", "a row group is missing");
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
