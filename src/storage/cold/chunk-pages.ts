// The pages of a column chunk, found by their headers; what of them is decompressed and decoded is up to the caller. Pages are decoded by the library.
import type { ColumnMetaData, FileMetaData, SchemaElement } from "hyparquet";
import { parquetHeader, readPage } from "hyparquet/src/column.js";
import { DEFAULT_PARSERS } from "hyparquet/src/convert.js";
import { decompressPage, readDataPage, readDataPageV2 } from "hyparquet/src/datapage.js";
import { getSchemaPath } from "hyparquet/src/schema.js";
import { assert } from "../../base/errors.ts";

type Decoder = Parameters<typeof readPage>[2];
type Header = ReturnType<typeof parquetHeader>;

export interface RowRange {
  readonly start: number;
  readonly end: number;
}

export interface Page {
  /** Of its first row. */
  readonly start: number;
  readonly rows: number;
  readonly header: Header;
  /** As it is in the file. */
  readonly body: Uint8Array;
}

export interface ChunkPages {
  readonly decoder: Decoder;
  readonly pages: readonly Page[];
  readonly dictionary: ArrayLike<unknown> | undefined;
}

export interface PageValues {
  /** One for each row, 0 for NULL; empty when no row is NULL. */
  readonly levels: ArrayLike<number>;
  /** Of the rows that are not NULL. */
  readonly values: ArrayLike<unknown>;
}

/** Where in the file the chunk is. */
export function chunkRange(chunk: ColumnMetaData): RowRange {
  const start = Number(chunk.dictionary_page_offset ?? chunk.data_page_offset);
  return { start, end: start + Number(chunk.total_compressed_size) };
}

/** Those with rows in the range, and the dictionary they need. */
export function readPages(
  bytes: ArrayBuffer,
  chunk: { readonly metadata: FileMetaData; readonly chunk: ColumnMetaData },
  wanted: RowRange,
): ChunkPages {
  const decoder = decoderOf(chunk.metadata, chunk.chunk);
  const reader = { view: new DataView(bytes), offset: 0 };
  const pages: Page[] = [];
  let dictionary: ArrayLike<unknown> | undefined;
  for (let start = 0; start < wanted.end && reader.offset < bytes.byteLength; ) {
    const header = parquetHeader(reader);
    if (header.type === "DICTIONARY_PAGE") {
      dictionary = readPage(reader, header, decoder, undefined, undefined, 0).data;
      continue;
    }
    const rows = header.data_page_header_v2?.num_rows ?? header.data_page_header?.num_values ?? 0;
    const body = new Uint8Array(bytes, reader.offset, header.compressed_page_size);
    if (start + rows > wanted.start) pages.push({ start, rows, header, body });
    reader.offset += header.compressed_page_size;
    start += rows;
  }
  return { decoder, pages, dictionary };
}

/** The values are places in the dictionary. */
export function isCodedPage({ header: { data_page_header: first, data_page_header_v2: second } }: Page): boolean {
  return (second ?? first)?.encoding.endsWith("_DICTIONARY") === true;
}

/** The values of a page without NULLs, as they are encoded; undefined when it may have some. */
export function bareValues(page: Page, decoder: Decoder): DataView | undefined {
  if (page.header.data_page_header_v2?.num_nulls !== 0) return undefined;
  const { buffer, byteOffset, byteLength } = decompressed(page, decoder);
  return new DataView(buffer, byteOffset, byteLength);
}

/** What is behind the levels of a page of the second version. */
export function decompressed({ header, body }: Page, { codec, compressors }: Decoder): Uint8Array {
  const { data_page_header_v2: second } = header;
  assert(second !== undefined, "levels of known length are the second version's");
  const skipped = second.definition_levels_byte_length + second.repetition_levels_byte_length;
  const compressed = body.subarray(skipped);
  const size = header.uncompressed_page_size - skipped;
  return second.is_compressed === false ? compressed : decompressPage(compressed, size, codec, compressors);
}

export function pageValues({ header, body }: Page, decoder: Decoder): PageValues {
  const { data_page_header: first, data_page_header_v2: second } = header;
  if (second !== undefined) {
    const { definitionLevels, dataPage: values } = readDataPageV2(body, header, decoder);
    return { levels: second.num_nulls === 0 ? [] : (definitionLevels ?? []), values };
  }
  assert(first !== undefined, "a data page has a header of its kind");
  const page = decompressPage(body, Number(header.uncompressed_page_size), decoder.codec, decoder.compressors);
  const { definitionLevels, dataPage: values } = readDataPage(page, first, decoder);
  return { levels: definitionLevels ?? [], values };
}

function decoderOf(metadata: FileMetaData, chunk: ColumnMetaData): Decoder {
  const [root] = metadata.schema;
  const element = metadata.schema.find(({ name }) => name === chunk.path_in_schema[0]);
  assert(root !== undefined && element !== undefined, "a chunk has its element");
  const flat = treeOf(element, chunk.path_in_schema);
  const isFlat = chunk.path_in_schema.length === 1;
  const schemaPath = isFlat
    ? [{ ...treeOf(root, []), children: [flat] }, flat]
    : getSchemaPath(metadata.schema, chunk.path_in_schema);
  return {
    pathInSchema: chunk.path_in_schema,
    type: chunk.type,
    element: schemaPath.at(-1)?.element ?? element,
    schemaPath,
    codec: chunk.codec,
    compressors: { ZSTD: decompress },
    parsers: DEFAULT_PARSERS,
    utf8: false,
  };
}

function treeOf(element: SchemaElement, path: string[]): Decoder["schemaPath"][number] {
  return { children: [], count: 1, element, path };
}

/** A Buffer's `slice` shares memory where a Uint8Array's copies; the library expects the latter. */
export function decompress(page: Uint8Array): Uint8Array {
  const buffer = Bun.zstdDecompressSync(page);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
