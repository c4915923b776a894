// Bodies of POST /v1/api/sql: the request with all its limits, and the response with the exact keys and key order that clients read.

import { DbError, type ErrorCode } from "../base/errors.ts";
import type { Param } from "../model/param.ts";
import type { OutputColumn } from "../model/schema.ts";
import { isObject, parseJson, toJson } from "./json.ts";
import { DEFAULT_PARAM_LIMITS, type ParamLimits, parseParams } from "./params.ts";
import { encodeSchema } from "./schema-field.ts";

export interface SqlRequest {
  readonly sql: string;
  readonly params: readonly Param[];
  readonly namespaceId: string | undefined;
  /** `summed` is the peer's form: affected counts of a batch added up at its end. */
  readonly batchResults: "each" | "summed";
}

export interface RequestLimits extends ParamLimits {
  readonly maxSqlBytes: number;
}

export const DEFAULT_REQUEST_LIMITS: RequestLimits = { ...DEFAULT_PARAM_LIMITS, maxSqlBytes: 1024 * 1024 };

const MAX_DEPTH = 64;

function invalidPayload(text: string): DbError {
  return new DbError("INVALID_INPUT", `Invalid JSON payload: ${text}`);
}

function parseBody(text: string): unknown {
  try {
    return parseJson(text, { maxDepth: MAX_DEPTH });
  } catch (cause) {
    throw cause instanceof DbError
      ? new DbError("INVALID_INPUT", `Invalid JSON payload: ${cause.message}`, { cause })
      : cause;
  }
}

/** Unknown fields are ignored, as the peer does. */
export function decodeSqlRequest(text: string, limits: RequestLimits = DEFAULT_REQUEST_LIMITS): SqlRequest {
  const body = parseBody(text);
  if (!isObject(body)) throw invalidPayload("expected an object");
  return checkSqlRequest(body, limits);
}

/** The same members as the parts of a form, all of them text. */
export function decodeSqlForm(form: ReadonlyMap<string, string>, limits: RequestLimits): SqlRequest {
  const sql = form.get("sql") ?? "";
  if (sql.trim() === "") throw new DbError("EMPTY_SQL", "SQL statement is required");
  const params = form.get("params");
  const rest = { namespace_id: form.get("namespace_id"), batch_results: form.get("batch_results") };
  return checkSqlRequest({ sql, ...rest, params: params === undefined ? undefined : parseFormParams(params) }, limits);
}

function parseFormParams(text: string): unknown {
  try {
    return parseJson(text, { maxDepth: MAX_DEPTH });
  } catch (cause) {
    if (!(cause instanceof DbError)) throw cause;
    throw new DbError("INVALID_PARAMETER", `Invalid params: ${cause.message}`, { cause });
  }
}

function checkSqlRequest(body: Readonly<Record<string, unknown>>, limits: RequestLimits): SqlRequest {
  const { sql, params, namespace_id: namespaceId, batch_results: batchResults = "each" } = body;
  if (typeof sql !== "string") {
    throw invalidPayload(sql === undefined ? "missing field `sql`" : "`sql` must be a string");
  }
  const sqlBytes = Buffer.byteLength(sql);
  if (sqlBytes > limits.maxSqlBytes) {
    throw new DbError("INVALID_SQL", `SQL query too long: ${sqlBytes} bytes (maximum ${limits.maxSqlBytes} bytes)`);
  }
  if (namespaceId !== undefined && namespaceId !== null && typeof namespaceId !== "string") {
    throw invalidPayload("`namespace_id` must be a string");
  }
  if (batchResults !== "each" && batchResults !== "summed") {
    throw invalidPayload('`batch_results` must be "each" or "summed"');
  }
  return { sql, params: parseParams(params, limits), namespaceId: namespaceId ?? undefined, batchResults };
}

export interface StatementResult {
  /** Present for anything that yields rows, none included. */
  readonly schema?: readonly OutputColumn[] | undefined;
  /** Rows already encoded, `[[…],[…]]`, passed on untouched. */
  readonly rowsJson?: string | undefined;
  readonly rowCount: number;
  /** For statements without rows, and what DESCRIBE says of a table beside its columns. */
  readonly message?: string | undefined;
  readonly asUser: string;
  /** Decimal position at which a write committed: a live query that passed it contains the write. */
  readonly seq?: string | undefined;
  /** Of a statement with a plan: whether that came from the cache. */
  readonly isPlanKnown?: boolean | undefined;
}

/** The schema part of a result. A plan's columns are one object for as long as the plan is cached, so their text is made once. */
export type SchemaText = (columns: readonly OutputColumn[]) => string;

export function createSchemaText(): SchemaText {
  const texts = new WeakMap<readonly OutputColumn[], string>();
  return (columns) => {
    const known = texts.get(columns);
    if (known !== undefined) return known;
    const text = encodeSchema(columns);
    texts.set(columns, text);
    return text;
  };
}

export interface ResponseFormat {
  readonly schemaText?: SchemaText;
  /** `cache_hit` in each result that has a plan. */
  readonly showsPlanCache?: boolean;
}

function encodeResult(result: StatementResult, { schemaText = encodeSchema, showsPlanCache }: ResponseFormat): string {
  const schema = result.schema === undefined ? "" : `"schema":${schemaText(result.schema)},`;
  const rows = result.schema === undefined ? "" : `"rows":${result.rowsJson ?? "[]"},`;
  const message = result.message === undefined ? "" : `"message":${JSON.stringify(result.message)},`;
  const seq = result.seq === undefined ? "" : `,"seq":${JSON.stringify(result.seq)}`;
  const hit = showsPlanCache === true && result.isPlanKnown !== undefined ? `,"cache_hit":${result.isPlanKnown}` : "";
  return `{${schema}${rows}"row_count":${result.rowCount},${message}"as_user":${JSON.stringify(result.asUser)}${seq}${hit}}`;
}

/** Milliseconds with three decimals. */
function rounded(tookMs: number): number {
  return Math.round(tookMs * 1000) / 1000;
}

/** A lone result with rows ends in `"error":null`, as the peer's streamed SELECT does. */
export function encodeSuccess(
  results: readonly StatementResult[],
  tookMs: number,
  format: ResponseFormat = {},
): string {
  const tail = results.length === 1 && results[0]?.schema !== undefined ? ',"error":null' : "";
  return `{"status":"success","results":[${results.map((result) => encodeResult(result, format)).join(",")}],"took":${rounded(tookMs)}${tail}}`;
}

const SUMMED_VERBS = ["Inserted", "Updated", "Deleted"] as const;

/** The peer's form of a batch: one result per kind of write at the end, in this order, each only when rows were affected. */
export function sumBatchResults(results: readonly StatementResult[], user: string): readonly StatementResult[] {
  if (results.length < 2) return results;
  const verbOf = (result: StatementResult) => SUMMED_VERBS.find((verb) => result.message?.startsWith(`${verb} `));
  const summed = SUMMED_VERBS.map((verb): StatementResult => {
    const writes = results.filter((result) => verbOf(result) === verb);
    const rowCount = writes.reduce((sum, write) => sum + write.rowCount, 0);
    return { rowCount, message: `${verb} ${rowCount} row(s)`, asUser: user, seq: writes.at(-1)?.seq };
  });
  return [...results.filter((result) => verbOf(result) === undefined), ...summed.filter((sum) => sum.rowCount > 0)];
}

export interface ErrorContext {
  readonly tookMs: number;
  /** Text of the failing statement; for administrators only. */
  readonly details?: string | undefined;
  /** A form with files: there clients of the peer's age know a missing table by its own code. */
  readonly isUpload?: boolean;
}

/** Codes that clients of the peer's age know only as a statement that failed; the finer code travels as `reason`. */
const FAILED_STATEMENT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "UNSUPPORTED",
  "RESULT_TOO_LARGE",
  "INVALID_NAME",
  "NAMESPACE_NOT_FOUND",
  "TABLE_NOT_FOUND",
  "COLUMN_NOT_FOUND",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "DEPENDENT_OBJECTS",
  "INVALID_VALUE",
  "NOT_NULL_VIOLATION",
  "DUPLICATE_KEY",
  "WRITE_CONFLICT",
  "WEAK_PASSWORD",
  "STATEMENT_TIMEOUT",
  "OUT_OF_MEMORY",
]);

export function encodeError(error: DbError, context: ErrorContext): string {
  const isKnown = context.isUpload === true && error.code === "TABLE_NOT_FOUND";
  const isStatement = FAILED_STATEMENT.has(error.code) && !isKnown;
  return toJson({
    status: "error",
    results: [],
    took: rounded(context.tookMs),
    error: {
      code: isStatement ? "SQL_EXECUTION_ERROR" : error.code,
      reason: isStatement ? error.code : undefined,
      message: error.message,
      details: context.details,
      position: error.position,
      hint: error.hint,
    },
  });
}

/** Codes whose text may name files, processes or other internals. */
const REDACTED: Partial<Record<ErrorCode, string>> = {
  INTERNAL_ERROR: "SQL request failed",
  STORAGE_ERROR: "Storage request failed",
};

/** Whether the log has to hold what the caller is not shown. */
export function isRedacted(code: ErrorCode): boolean {
  return REDACTED[code] !== undefined;
}

/** What a caller may read of an error. Texts about the caller's own SQL stay; anything that is not a DbError says nothing at all. */
export function redact(error: unknown, isAdmin: boolean): DbError {
  if (!(error instanceof DbError)) return new DbError("INTERNAL_ERROR", "SQL request failed", { cause: error });
  const text = isAdmin ? undefined : REDACTED[error.code];
  return text === undefined ? error : new DbError(error.code, text, { cause: error });
}
