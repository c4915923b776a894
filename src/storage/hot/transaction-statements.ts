import type { Database } from "bun:sqlite";

export type TransactionStatements = ReturnType<typeof transactionStatements>;

/** What the writer says around its works. */
export function transactionStatements(db: Database) {
  const rollback = db.prepare("ROLLBACK");
  return {
    begin: beginner(db, rollback),
    commit: db.prepare("COMMIT"),
    rollback,
    savepoint: db.prepare("SAVEPOINT work"),
    release: db.prepare("RELEASE work"),
    rollbackTo: db.prepare("ROLLBACK TO work"),
    putPosition: db.prepare<never, [bigint]>("UPDATE meta SET value = ?1 WHERE key = 'last_seq'"),
  };
}

/** SQLite's number for: the log is synced by checkpoints alone. */
const NORMAL = 1;

/** Whether COMMIT syncs is settled before each BEGIN: SQLite refuses to be told inside a transaction, so a level set for one cannot reach into the next. */
function beginner(db: Database, rollback: { run(): unknown }): { run(options: { readonly isSynced: boolean }): void } {
  const begin = db.prepare("BEGIN IMMEDIATE");
  using synchronous = db.prepare("PRAGMA synchronous");
  const configured = Number(synchronous.values()[0]?.[0]);
  let current = configured;
  return {
    run({ isSynced }) {
      // Left over only when a ROLLBACK itself failed.
      if (db.inTransaction) rollback.run();
      const wanted = isSynced ? configured : Math.min(configured, NORMAL);
      if (wanted !== current) db.run(`PRAGMA synchronous = ${wanted}`);
      current = wanted;
      begin.run();
    },
  };
}
