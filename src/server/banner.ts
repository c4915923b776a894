// What a newcomer reads after the first start: where the server is, who may log in, and a query to try.
import type { RunningServer } from "./start.ts";

export function banner(server: RunningServer): string {
  const lines = [
    `KalamDB is ready at ${server.url}`,
    `  data folder  ${server.dataDir}`,
    ...credentials(server),
    "",
    ...firstQuery(server),
    "",
  ];
  return `${lines.join("\n")}\n`;
}

function credentials({ rootPassword, dataDir }: RunningServer): string[] {
  const path = rootPassword?.path ?? `${dataDir}/root-password.txt`;
  if (rootPassword?.source === "configured") return ["  user         root, with the password you configured"];
  return ["  user         root", `  password     in ${path}`];
}

function firstQuery({ url, rootPassword, dataDir }: RunningServer): string[] {
  const path = rootPassword?.path ?? `${dataDir}/root-password.txt`;
  const password = rootPassword?.source === "configured" ? "$KALAMDB_ROOT_PASSWORD" : `$(cat ${shellWord(path)})`;
  return [
    "Try it from another terminal:",
    `  TOKEN=$(curl -s ${url}/v1/api/auth/login -d "{\\"user\\":\\"root\\",\\"password\\":\\"${password}\\"}" | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')`,
    `  curl -s ${url}/v1/api/sql -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"sql":"SELECT 1 + 1 AS two, NOW() AS now"}'`,
  ];
}

/** Quoted only where a shell would read something into it. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
