// How the works of one batch are taken back, one by one. A savepoint makes SQLite keep a copy of every page that is changed after it, in a temporary file when they are
// more than a few; so the first work that writes goes without: before it the transaction has nothing, and is begun anew when that work fails.

/** Of one work at a time. */
export interface WorkUndo {
  /** Before its first write. */
  open(): void;
  /** What it wrote stays. */
  release(): void;
  /** As before `open`. Throws when the transaction is lost with it. */
  rollBack(): void;
}

export interface UndoStatements {
  readonly begin: { run(transaction: { readonly isSynced: boolean }): unknown };
  readonly rollback: { run(): unknown };
  readonly savepoint: { run(): unknown };
  readonly release: { run(): unknown };
  readonly rollbackTo: { run(): unknown };
}

type State =
  /** Nothing in the transaction is to be kept; no work is open. */
  | "empty"
  /** All that is in the transaction is the open work's. */
  | "whole"
  /** The open work's writes are those after the savepoint. */
  | "savepoint"
  /** The transaction has works that returned; none is open. */
  | "kept";

export function workUndo(sql: UndoStatements, transaction: { readonly isSynced: boolean }): WorkUndo {
  let state: State = "empty";
  return {
    open() {
      if (state === "empty") {
        state = "whole";
        return;
      }
      sql.savepoint.run();
      state = "savepoint";
    },
    release() {
      if (state === "savepoint") sql.release.run();
      state = "kept";
    },
    rollBack() {
      if (state === "whole") {
        sql.rollback.run();
        sql.begin.run(transaction);
        state = "empty";
        return;
      }
      sql.rollbackTo.run();
      sql.release.run();
      state = "kept";
    },
  };
}
