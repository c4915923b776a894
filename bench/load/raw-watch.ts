// The ceiling of the terminal client: the client library alone, a line of JSON for each change, a write for each line. `raw-watch.ts URL SQL`, token in KALAMDB_TOKEN.
import { createClient } from "../../src/link/index.ts";

const [, , url = "", sql = ""] = process.argv;
const client = createClient({ url, auth: { token: process.env["KALAMDB_TOKEN"] ?? "" } });
for await (const event of client.subscribe(sql)) {
  if (event.kind === "error") throw event.error;
  process.stdout.write(
    `${JSON.stringify(event, (_name, value: unknown) => (typeof value === "bigint" ? String(value) : value))}\n`,
  );
}
