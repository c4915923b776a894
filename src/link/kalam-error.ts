// The one error that the client library throws.

export interface KalamErrorFields {
  /** HTTP status, when the error came as a response. */
  readonly status?: number | undefined;
  /** 0-based UTF-16 offset into the SQL text. */
  readonly position?: number | undefined;
  readonly hint?: string | undefined;
  /** The failing statement; the server tells only administrators. */
  readonly details?: string | undefined;
  readonly cause?: unknown;
}

/**
 * `code` is the server's, or one of the library's own: `NETWORK_ERROR` (no answer), `BAD_RESPONSE` (an answer that is not the protocol),
 * `CLIENT_QUEUE_FULL` (events were not read fast enough), `RECONNECT_LIMIT`, `DISCONNECTED`, `SUBSCRIPTION_ID_IN_USE`, `NO_PRIMARY_KEY`.
 */
export class KalamError extends Error {
  override readonly name = "KalamError";
  readonly code: string;
  readonly status: number | undefined;
  readonly position: number | undefined;
  readonly hint: string | undefined;
  readonly details: string | undefined;

  constructor(code: string, message: string, fields: KalamErrorFields = {}) {
    super(message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.code = code;
    this.status = fields.status;
    this.position = fields.position;
    this.hint = fields.hint;
    this.details = fields.details;
  }
}

export function toKalamError(error: unknown, code: string): KalamError {
  if (error instanceof KalamError) return error;
  return new KalamError(code, error instanceof Error ? error.message : String(error), { cause: error });
}
