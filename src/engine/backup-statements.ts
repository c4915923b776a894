// BACKUP DATABASE and RESTORE DATABASE.
import { assertNever, DbError } from "../base/errors.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement } from "../sql/statement.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult } from "./outcome.ts";
import type { Caller } from "./session.ts";

export type BackupStatement = Extract<Statement, { readonly kind: "backupDatabase" | "restoreDatabase" }>;

export async function runBackup(statement: BackupStatement, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  switch (statement.kind) {
    case "backupDatabase": {
      const { jobId, target } = await deps.jobs.backUp(statement.target);
      return messageResult(call.session, `Database backup started to '${target}'. Job ID: ${jobId}`);
    }
    case "restoreDatabase":
      throw new DbError("UNSUPPORTED", "A server that runs does not restore over its own data", {
        hint: `Stop it and run: kalamdb restore --from '${statement.source}' --data-dir <an empty folder>`,
      });
    default:
      return assertNever(statement, "backup statement");
  }
}
