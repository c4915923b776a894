// The closed table of error codes. A code is API: clients branch on it, and its row drives the HTTP status and whether a
// retry can help. `specs/errors.md` documents every row; a test holds the two together.

/** Codes, the HTTP status each travels with, and whether the same request may succeed later. */
export const ERRORS = {
  // request and statement
  INVALID_INPUT: { http: 400, retry: false },
  EMPTY_SQL: { http: 400, retry: false },
  BATCH_PARSE_ERROR: { http: 400, retry: false },
  INVALID_SQL: { http: 400, retry: false },
  PARAMS_WITH_BATCH: { http: 400, retry: false },
  INVALID_PARAMETER: { http: 400, retry: false },
  SQL_EXECUTION_ERROR: { http: 400, retry: false },
  UNSUPPORTED: { http: 400, retry: false },
  BODY_TOO_LARGE: { http: 413, retry: false },
  RESULT_TOO_LARGE: { http: 400, retry: false },
  // names and rows
  INVALID_NAME: { http: 400, retry: false },
  NAMESPACE_NOT_FOUND: { http: 400, retry: false },
  TABLE_NOT_FOUND: { http: 400, retry: false },
  COLUMN_NOT_FOUND: { http: 400, retry: false },
  NOT_FOUND: { http: 404, retry: false },
  EXPORT_NOT_FOUND: { http: 404, retry: false },
  ALREADY_EXISTS: { http: 400, retry: false },
  DEPENDENT_OBJECTS: { http: 400, retry: false },
  INVALID_VALUE: { http: 400, retry: false },
  NOT_NULL_VIOLATION: { http: 400, retry: false },
  DUPLICATE_KEY: { http: 400, retry: false },
  WRITE_CONFLICT: { http: 409, retry: true },
  // files
  MISSING_FILE: { http: 400, retry: false },
  EXTRA_FILE: { http: 400, retry: false },
  TOO_MANY_FILES: { http: 400, retry: false },
  FILE_TOO_LARGE: { http: 400, retry: false },
  INVALID_MIME_TYPE: { http: 400, retry: false },
  FILE_NOT_FOUND: { http: 404, retry: false },
  // identity
  MISSING_AUTHORIZATION: { http: 401, retry: false },
  INVALID_CREDENTIALS: { http: 401, retry: false },
  TOKEN_EXPIRED: { http: 401, retry: false },
  ISSUER_UNAVAILABLE: { http: 503, retry: true },
  ACCOUNT_LOCKED: { http: 401, retry: true },
  SETUP_REQUIRED: { http: 428, retry: false },
  ALREADY_CONFIGURED: { http: 409, retry: false },
  WEAK_PASSWORD: { http: 400, retry: false },
  PERMISSION_DENIED: { http: 403, retry: false },
  REMOTE_ACCESS_DENIED: { http: 403, retry: false },
  RATE_LIMIT_EXCEEDED: { http: 429, retry: true },
  // capacity and life cycle
  STATEMENT_TIMEOUT: { http: 408, retry: false },
  OUT_OF_MEMORY: { http: 400, retry: false },
  TOO_MANY_CONNECTIONS: { http: 429, retry: true },
  SERVER_BUSY: { http: 503, retry: true },
  SHUTTING_DOWN: { http: 503, retry: true },
  STORAGE_FULL: { http: 507, retry: true },
  STORAGE_ERROR: { http: 500, retry: true },
  STORAGE_UNREACHABLE: { http: 503, retry: true },
  // live queries
  AUTH_REQUIRED: { http: 401, retry: false },
  INVALID_SUBSCRIPTION_ID: { http: 400, retry: false },
  SUBSCRIPTION_LIMIT_EXCEEDED: { http: 429, retry: true },
  SUBSCRIPTION_FAILED: { http: 500, retry: true },
  BATCH_FETCH_FAILED: { http: 400, retry: false },
  UNSUPPORTED_DATA: { http: 400, retry: false },
  MESSAGE_TOO_LARGE: { http: 413, retry: false },
  PROTOCOL_ERROR: { http: 400, retry: false },
  KILLED: { http: 410, retry: false },
  // start-up
  INVALID_CONFIG: { http: 500, retry: false },
  PORT_IN_USE: { http: 500, retry: true },
  INTERNAL_ERROR: { http: 500, retry: false },
} as const satisfies Record<string, { readonly http: number; readonly retry: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

export interface DbErrorOptions {
  readonly cause?: unknown;
  /** Character offset (0-based, UTF-16) into the statement the error is about. */
  readonly position?: number;
  /** What to do about it, in a sentence. */
  readonly hint?: string;
  /** A client that can is to ask again by itself, after so long. */
  readonly retryAfterMs?: number | undefined;
}

/** The caller's fault or the state of the world. A bug of ours is an ordinary Error and leaves the process as INTERNAL_ERROR. */
export class DbError extends Error {
  override readonly name = "DbError";
  readonly code: ErrorCode;
  readonly position: number | undefined;
  readonly hint: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, message: string, options: DbErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.position = options.position;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
  }

  get httpStatus(): number {
    return ERRORS[this.code].http;
  }
}

/** Ends a switch over a union: adding a member makes every such switch a compile error. */
export function assertNever(value: never, what: string): never {
  throw new Error(`unhandled ${what}`, { cause: value });
}

/** For what can only be false through a bug of ours. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${what}`);
}
