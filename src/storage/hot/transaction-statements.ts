import type { Database } from "bun:sqlite";

export type TransactionStatements = ReturnType<typeof transactionStatements>;

/** What the writer says around its works. */
export function transactionStatements(db: Database) {
  return {
    begin: db.prepare("BEGIN IMMEDIATE"),
    commit: db.prepare("COMMIT"),
    rollback: db.prepare("ROLLBACK"),
    savepoint: db.prepare("SAVEPOINT work"),
    release: db.prepare("RELEASE work"),
    rollbackTo: db.prepare("ROLLBACK TO work"),
    putPosition: db.prepare<never, [bigint]>("UPDATE meta SET value = ?1 WHERE key = 'last_seq'"),
  };
}
