// Statements about API keys.
import { assertNever } from "../base/errors.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement } from "../sql/statement.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult, rowsResult, textColumns } from "./outcome.ts";
import type { Caller } from "./session.ts";
import { API_KEY_COLUMNS, apiKeyCells } from "./views/api-key-cells.ts";

export type ApiKeyStatement = Extract<Statement, { readonly kind: "createApiKey" | "dropApiKey" | "showApiKeys" }>;

const US_PER_MS = 1000n;

export async function runApiKeyStatement(
  statement: ApiKeyStatement,
  { session, nowUs }: Caller,
  { apiKeys }: Pick<EngineDeps, "apiKeys">,
): Promise<StatementResult> {
  switch (statement.kind) {
    case "createApiKey": {
      const { name, user, role } = statement;
      const expiresAtMs = expiryMs(statement.expires, nowUs);
      const { record, text } = await apiKeys.create(session, { name, user, role, expiresAtMs });
      return rowsResult(session, CREATED_COLUMNS, [[text, ...apiKeyCells(record)]]);
    }
    case "dropApiKey": {
      const dropped = await apiKeys.drop(session, statement);
      const what = dropped ? "dropped successfully" : "does not exist (skipped)";
      return messageResult(session, `API key '${statement.name}' ${what}`);
    }
    case "showApiKeys":
      return rowsResult(session, API_KEY_COLUMNS, apiKeys.list(session, statement.user).map(apiKeyCells));
    default:
      return assertNever(statement, "API key statement");
  }
}

function expiryMs(
  expires: Extract<ApiKeyStatement, { kind: "createApiKey" }>["expires"],
  nowUs: bigint,
): number | undefined {
  if (expires === undefined) return undefined;
  return expires.kind === "in" ? Number(nowUs / US_PER_MS) + expires.ms : Number(expires.us / US_PER_MS);
}

const CREATED_COLUMNS = [...textColumns("api_key"), ...API_KEY_COLUMNS];
