// One line of the audit log: who did what to what, from where, and how it ended.

export type AuditStatus = "ok" | "denied" | "failed";

/** Keeps what happened. Never fails, for what it tells of has happened already. */
export type Audit = (entry: Omit<AuditEntry, "timeMs">) => Promise<void>;

export interface AuditEntry {
  readonly timeMs: number;
  /** The user that acted, or was acted for by the server. */
  readonly actor: string;
  /** `DROP_TABLE`, `LOGIN`: the statement's kind in capitals, or what happened to an account. */
  readonly action: string;
  /** `table:chat.messages`, `user:alice`. */
  readonly target: string;
  readonly status: AuditStatus;
  /** JSON; secrets are masked before they come here. */
  readonly details: string | undefined;
  /** Of the client; undefined when the server acted by itself. */
  readonly address: string | undefined;
  /** Whom it concerned, when that is somebody else. */
  readonly subject: string | undefined;
}
