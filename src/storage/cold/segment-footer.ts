// What a segment file says about itself: its metadata checked against what the catalog expects, its columns named by id, and the statistics of its row
// groups in the forms SQLite has. Reading it decodes no row.
import {
  type AsyncBuffer,
  type ColumnMetaData,
  type FileMetaData,
  type ParquetParsers,
  parquetMetadataAsync,
} from "hyparquet";
import { DbError } from "../../base/errors.ts";
import type { Scope } from "../../base/ids.ts";
import { type Column, qualifiedName, type TableSchema } from "../../model/schema.ts";
import { BIGINT, BOOLEAN, type SqliteValue, type SqlType, sameType } from "../../model/sql-type.ts";
import { cellToSqlite, TYPES } from "../../model/types.ts";
import type { ObjectReader, ObjectSource } from "../objects/object-store.ts";
import { type BlockChecksums, checked, damaged, readChecksums } from "./block-checksums.ts";
import { PARQUET_COLUMNS, physicalElement, utf8 } from "./parquet-column.ts";
import {
  assertBelongsTo,
  DELETED_FIELD_ID,
  parseSegmentMetadata,
  SEQ_FIELD_ID,
  type SegmentMetadata,
} from "./segment-metadata.ts";

/** Which file is read, and as what. */
export interface SegmentSource {
  readonly objects: ObjectSource;
  /** Its key among them. */
  readonly path: string;
  /** The shape rows are wanted in; the file may be older. */
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Fails unless the file holds exactly so many rows. */
  readonly expectedRows?: number;
}

export interface SegmentFooter {
  /** Physical elements only, columns renamed to `f<id>`. */
  readonly metadata: FileMetaData;
  readonly stored: SegmentMetadata;
  /** Undefined in files of earlier versions of the program. */
  readonly checksums: BlockChecksums | undefined;
}

/** The library knows columns by name; ours are named by id inside a read, so that no user's name means anything to it. */
export function fieldName(id: number): string {
  return `f${id}`;
}

export const SEQ_FIELD: string = fieldName(SEQ_FIELD_ID);
export const DELETED_FIELD: string = fieldName(DELETED_FIELD_ID);

/**
 * Statistics of row groups and pages in the same form as the values of a physical read; text bounds are compared as UTF-8 by the library. Its own decoder drops a leading
 * byte order mark, and a bound that lost it rules out keys that are there.
 */
export const STATISTICS: Partial<ParquetParsers> = {
  timestampFromMicroseconds: (us) => us,
  dateFromDays: (days) => days,
  uuidFromBytes: (bytes) => bytes,
  stringFromBytes: (bytes) => bytes && utf8(bytes),
};

/** Runs `read` over the file; whatever goes wrong is a STORAGE_ERROR that names the table. */
export async function withSegmentFile<T>(
  source: Pick<SegmentSource, "objects" | "path" | "schema"> & { readonly footer?: SegmentFooter },
  read: (file: AsyncBuffer) => Promise<T>,
): Promise<T> {
  let file: ObjectReader | undefined;
  try {
    file = await source.objects.open(source.path);
    return await read(checked(fileBuffer(file), source.footer?.checksums));
  } catch (cause) {
    file?.forget?.();
    throw unreadable(source.schema, cause);
  } finally {
    file?.close();
  }
}

export function unreadable(schema: TableSchema, cause: unknown): DbError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new DbError("STORAGE_ERROR", `A segment of table ${qualifiedName(schema)} cannot be read: ${why}`, { cause });
}

export function fileBuffer(file: ObjectReader): AsyncBuffer {
  return { byteLength: file.sizeBytes, slice: (start, end = file.sizeBytes) => file.read(start, end) };
}

/** Read at first. A footer takes about 200 bytes for each column of each row group; of a larger one the rest is read too. */
const FOOTER_BYTES = 32 * 1024;

/** Reads the end of a file once, where its footer and its checksums are; `bytes` of it. */
export async function withEnd(file: AsyncBuffer, bytes = FOOTER_BYTES): Promise<AsyncBuffer> {
  const { byteLength } = file;
  const from = Math.max(0, byteLength - bytes);
  const end = await file.slice(from, byteLength);
  return {
    byteLength,
    slice: (start, to = byteLength) => (start < from ? file.slice(start, to) : end.slice(start - from, to - from)),
  };
}

export async function readFooter(whole: AsyncBuffer, source: SegmentSource): Promise<SegmentFooter> {
  const file = await withEnd(whole);
  const checksums = await readChecksums(file);
  const metadata = await parquetMetadataAsync(file, {
    geoparquet: false,
    parsers: STATISTICS,
    initialFetchSize: FOOTER_BYTES,
  });
  const stored = parseSegmentMetadata(metadata.key_value_metadata ?? []);
  assertBelongsTo(stored, source.schema.id, source.scope);
  if (stored.hasChecksums && checksums === undefined) throw damaged("its end");
  const rows = Number(metadata.num_rows);
  if (source.expectedRows !== undefined && rows !== source.expectedRows) {
    throw new DbError("STORAGE_ERROR", `it has ${rows} rows, ${source.expectedRows} expected`);
  }
  return { metadata: toPhysicalMetadata(metadata), stored, checksums };
}

function toPhysicalMetadata(metadata: FileMetaData): FileMetaData {
  const nameByColumn = new Map<string, string>();
  const schema = metadata.schema.map((element) => {
    if (element.field_id === undefined) return physicalElement(element);
    nameByColumn.set(element.name, fieldName(element.field_id));
    return { ...physicalElement(element), name: fieldName(element.field_id) };
  });
  const rowGroups = metadata.row_groups.map((group) => ({
    ...group,
    columns: group.columns.map((chunk) => {
      if (chunk.meta_data === undefined) return chunk;
      const [name = "", ...below] = chunk.meta_data.path_in_schema;
      return {
        ...chunk,
        meta_data: { ...chunk.meta_data, path_in_schema: [nameByColumn.get(name) ?? name, ...below] },
      };
    }),
  }));
  return { ...metadata, schema, row_groups: rowGroups };
}

/** The type a column has in the file; undefined when the file is older than the column. */
export function storedType(stored: SegmentMetadata, column: Column): SqlType | undefined {
  return stored.columns.find((candidate) => candidate.id === column.id)?.type;
}

/** What a row group says of a column, in the forms SQLite has. Bounds may be wider than the values are. */
export interface ColumnStatistics {
  /** Undefined: not known. Both are NULL when there is nothing but NULL. */
  readonly bounds: { readonly min: SqliteValue; readonly max: SqliteValue } | undefined;
  /** Undefined: not known. */
  readonly nulls: number | undefined;
}

const UNKNOWN: ColumnStatistics = { bounds: undefined, nulls: undefined };

/** `place` counts the table's columns, then `_seq`, then `_deleted`. */
export function columnStatistics(
  footer: SegmentFooter,
  group: number,
  { schema, place }: { readonly schema: TableSchema; readonly place: number },
): ColumnStatistics {
  const rowGroup = footer.metadata.row_groups[group];
  if (rowGroup === undefined) return UNKNOWN;
  const column = schema.columns[place];
  const rows = Number(rowGroup.num_rows);
  if (column === undefined) {
    const [field, type] = place === schema.columns.length ? [SEQ_FIELD, BIGINT] : [DELETED_FIELD, BOOLEAN];
    return chunkStatistics(chunkOf(footer, group, field), { type, rows });
  }
  const type = storedType(footer.stored, column);
  if (type === undefined) {
    const value = cellToSqlite(column.initial ?? null, column.type);
    return { bounds: { min: value, max: value }, nulls: value === null ? rows : 0 };
  }
  if (!keepsOrder(type, column.type)) return UNKNOWN;
  return chunkStatistics(chunkOf(footer, group, fieldName(column.id)), { type, rows });
}

export function chunkOf(footer: SegmentFooter, group: number, field: string): ColumnMetaData | undefined {
  const chunks = footer.metadata.row_groups[group]?.columns ?? [];
  return chunks.find((chunk) => chunk.meta_data?.path_in_schema[0] === field)?.meta_data;
}

const INTEGERS: ReadonlySet<string> = new Set(["smallint", "int", "bigint"]);
const FLOATS: ReadonlySet<string> = new Set(["float", "double"]);

/** Decimal bounds arrive as doubles and byte bounds as text: neither can be compared exactly. */
const WITHOUT_BOUNDS: ReadonlySet<string> = new Set(["decimal", "bytes", "json", "embedding", "file"]);

/** Whether statistics and Bloom filters of the type's values can rule anything out. */
export function isPrunable({ kind }: SqlType): boolean {
  return !WITHOUT_BOUNDS.has(kind);
}

/** A widened value has the place among the others that it had before. */
function keepsOrder(stored: SqlType, wanted: SqlType): boolean {
  if (sameType(stored, wanted)) return true;
  const both = (kinds: ReadonlySet<string>): boolean => kinds.has(stored.kind) && kinds.has(wanted.kind);
  return both(INTEGERS) || both(FLOATS);
}

function chunkStatistics(
  chunk: ColumnMetaData | undefined,
  { type, rows }: { readonly type: SqlType; readonly rows: number },
): ColumnStatistics {
  const { statistics } = chunk ?? {};
  if (statistics === undefined) return UNKNOWN;
  const nulls = statistics.null_count === undefined ? undefined : Number(statistics.null_count);
  if (nulls === rows) return { bounds: { min: null, max: null }, nulls };
  const { min_value: min, max_value: max } = statistics;
  if (WITHOUT_BOUNDS.has(type.kind) || min === undefined || max === undefined) return { bounds: undefined, nulls };
  const { fromPhysical } = PARQUET_COLUMNS[type.kind];
  const { toSqlite } = TYPES[type.kind];
  return { bounds: { min: toSqlite(fromPhysical(min)), max: toSqlite(fromPhysical(max)) }, nulls };
}
