// EXPORT USER DATA and SHOW EXPORT: everybody's own.
import { assertNever } from "../base/errors.ts";
import { TEXT, TIMESTAMP } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement } from "../sql/statement.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult, rowsResult } from "./outcome.ts";
import type { Caller } from "./session.ts";
import { columns, text, us } from "./views/definition.ts";

export type ExportStatement = Extract<Statement, { readonly kind: "exportUserData" | "showExport" }>;

const COLUMNS = columns({
  job_id: TEXT,
  status: TEXT,
  created_at: TIMESTAMP,
  message: TEXT,
  download_url: TEXT,
});

export async function runExport(statement: ExportStatement, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  switch (statement.kind) {
    case "exportUserData": {
      const { jobId, isDone } = await deps.jobs.exportUser(call.session.user);
      const what = isDone ? "User data was exported today already" : "User data export started";
      return messageResult(call.session, `${what}. Job ID: ${jobId}. Use SHOW EXPORT to check on it.`);
    }
    case "showExport":
      return showExport(call, deps);
    default:
      return assertNever(statement, "export statement");
  }
}

function showExport({ session }: Caller, { catalog, serverUrl }: EngineDeps): StatementResult {
  const path = `${serverUrl()}/v1/exports/${encodeURIComponent(session.user)}`;
  const rows = catalog
    .jobs()
    .filter((job) => job.type === "user_export" && job.parameters === JSON.stringify({ user: session.user }))
    .map((job) => [
      job.id,
      job.status,
      us(job.createdAtMs),
      text(job.message),
      job.status === "completed" ? `${path}/${job.id}` : null,
    ]);
  return rowsResult(session, COLUMNS, rows);
}
