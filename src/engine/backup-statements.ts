// BACKUP DATABASE and RESTORE DATABASE; exports are run from here too.
import { assertNever, DbError } from "../base/errors.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement } from "../sql/statement.ts";
import type { EngineDeps } from "./deps.ts";
import { type ExportStatement, runExport } from "./export-statements.ts";
import { messageResult } from "./outcome.ts";
import type { Caller } from "./session.ts";

export type BackupStatement =
  | Extract<Statement, { readonly kind: "backupDatabase" | "restoreDatabase" }>
  | ExportStatement;

export function isBackupStatement(statement: Statement): statement is BackupStatement {
  return /^(backupDatabase|restoreDatabase|exportUserData|showExport)$/.test(statement.kind);
}

export async function runBackup(statement: BackupStatement, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  switch (statement.kind) {
    case "backupDatabase": {
      const { jobId, target } = await deps.jobs.backUp(statement.target, statement.storage);
      return messageResult(call.session, `Database backup started to '${target}'. Job ID: ${jobId}`);
    }
    case "restoreDatabase": {
      const { source } = statement;
      const from = source.startsWith("s3://") ? source : deps.jobs.backupTarget(source);
      throw new DbError("UNSUPPORTED", "A server that runs does not restore over its own data", {
        hint: `Stop it and run: kalamdb restore --from '${from.replaceAll("'", "'\\''")}' --data-dir <an empty folder>`,
      });
    }
    case "exportUserData":
    case "showExport":
      return runExport(statement, call, deps);
    default:
      return assertNever(statement, "backup statement");
  }
}
