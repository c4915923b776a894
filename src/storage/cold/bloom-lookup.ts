// The Bloom filter of a row group's keys: whether a key can be among them at all. Keys that the file has under another type, and types that the library does not hash,
// have none.
import { hashParquetValue, readBloomFilter, sbbfContains } from "hyparquet/src/bloom.js";
import { keyColumn, type TableSchema } from "../../model/schema.ts";
import { type Cell, sameType } from "../../model/sql-type.ts";
import type { RowRange } from "./chunk-pages.ts";
import { PARQUET_COLUMNS } from "./parquet-column.ts";
import { chunkOf, fieldName, isPrunable, type SegmentFooter, storedType } from "./segment-footer.ts";

/** Undefined when the filter says nothing of keys of this type. */
export function keyHash(schema: TableSchema, footer: SegmentFooter, key: Cell): bigint | undefined {
  const column = keyColumn(schema);
  const type = storedType(footer.stored, column);
  if (key === null || type === undefined || !sameType(type, column.type) || !isPrunable(type)) return undefined;
  const element = footer.metadata.schema.find(({ name }) => name === fieldName(column.id));
  return element && hashParquetValue(PARQUET_COLUMNS[type.kind].toPhysical(key), element);
}

/** Where in the file it is. */
export function bloomRange(schema: TableSchema, footer: SegmentFooter, group: number): RowRange | undefined {
  const chunk = chunkOf(footer, group, fieldName(keyColumn(schema).id));
  if (chunk?.bloom_filter_offset === undefined || chunk.bloom_filter_length === undefined) return undefined;
  const start = Number(chunk.bloom_filter_offset);
  return { start, end: start + chunk.bloom_filter_length };
}

export type KeyBloom = NonNullable<ReturnType<typeof readBloomFilter>>;

export function readBloom(bytes: ArrayBuffer): KeyBloom | undefined {
  return readBloomFilter({ view: new DataView(bytes), offset: 0 });
}

/** False only for a key that the filter was not made with. */
export function isInBloom({ blocks }: KeyBloom, hash: bigint): boolean {
  return sbbfContains(blocks, hash);
}
