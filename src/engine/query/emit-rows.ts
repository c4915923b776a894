// Rows of a running query as the messages that carry them: JSON text in chunks or cells in batches, up to the size a result may have.
import { DbError } from "../../base/errors.ts";
import type { Cell, SqliteValue, SqlType } from "../../model/sql-type.ts";
import { cellFromSqlite } from "../../model/types.ts";
import type { ResultFormat } from "./messages.ts";
import { rowEncoder } from "./row-json.ts";

const CHUNK_CHARACTERS = 256 * 1024;
const ROWS_PER_CELL_BATCH = 1000;

export interface RowSink {
  json(text: string): void;
  cells(rows: readonly (readonly Cell[])[]): void;
}

interface Output {
  readonly output: readonly SqlType[];
  readonly format: ResultFormat;
  readonly maxResultBytes: number;
  readonly maxRows?: number;
}

export function emit(rows: Iterable<readonly SqliteValue[]>, request: Output, sink: RowSink): number {
  return request.format === "json" ? emitJson(rows, request, sink) : emitCells(rows, request, sink);
}

function tooLarge(maxResultBytes: number): DbError {
  return new DbError("RESULT_TOO_LARGE", `The result is larger than ${maxResultBytes} bytes`, {
    hint: "Page through it with LIMIT, or select fewer columns.",
  });
}

function emitJson(rows: Iterable<readonly SqliteValue[]>, request: Output, sink: RowSink): number {
  const encode = rowEncoder(request.output);
  let rowCount = 0;
  let bytes = 0;
  let chunk = "[";
  const flush = (): void => {
    bytes += Buffer.byteLength(chunk);
    if (bytes > request.maxResultBytes) throw tooLarge(request.maxResultBytes);
    sink.json(chunk);
    chunk = "";
  };
  for (const row of rows) {
    if (rowCount > 0) chunk += ",";
    chunk += encode(row);
    rowCount += 1;
    if (chunk.length >= CHUNK_CHARACTERS) flush();
  }
  chunk += "]";
  flush();
  return rowCount;
}

function emitCells(rows: Iterable<readonly SqliteValue[]>, request: Output, sink: RowSink): number {
  let rowCount = 0;
  let bytes = 0;
  let batch: Cell[][] = [];
  const { maxRows = Number.POSITIVE_INFINITY } = request;
  for (const row of rows) {
    rowCount += 1;
    if (rowCount > maxRows) continue;
    batch.push(request.output.map((type, index) => cellFromSqlite(row[index] ?? null, type)));
    for (const value of row) bytes += sizeOf(value);
    if (bytes > request.maxResultBytes) throw tooLarge(request.maxResultBytes);
    if (batch.length === ROWS_PER_CELL_BATCH) {
      sink.cells(batch);
      batch = [];
    }
  }
  if (batch.length > 0) sink.cells(batch);
  return rowCount;
}

const FIXED_BYTES = 8;

function sizeOf(value: SqliteValue): number {
  if (typeof value === "string") return FIXED_BYTES + Buffer.byteLength(value);
  return FIXED_BYTES + (value instanceof Uint8Array ? value.byteLength : 0);
}
