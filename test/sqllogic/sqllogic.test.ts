// sqllogictest scripts against a real server: every answer must be PostgreSQL's, of buffered rows and of flushed ones.
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { startTestServer, type TestUser } from "../support/test-server.ts";
import { answerOf, parseScript, type SqlRecord, valueText } from "./script.ts";

const IN_NAMESPACE = { namespace_id: "logic" };

async function mismatch(user: TestUser, record: SqlRecord): Promise<string | undefined> {
  const reply = await user.send(record.sql, undefined, IN_NAMESPACE);
  const failure = reply.error?.message;
  if (record.kind === "statement") {
    return (failure === undefined) === record.succeeds ? undefined : `line ${record.line}: ${failure ?? "succeeded"}`;
  }
  if (failure !== undefined) return `line ${record.line}: ${record.sql}\n${failure}`;
  const rows = (reply.results[0]?.rows ?? []).map((row) =>
    row.map((value, index) => valueText(value, record.types.charAt(index))),
  );
  const answer = answerOf(rows, record.sort).join("\n");
  const expected = record.expected.join("\n");
  return answer === expected ? undefined : `line ${record.line}: ${record.sql}\nanswers\n${answer}\nfor\n${expected}`;
}

const SCRIPTS = [...new Glob("*.slt").scanSync(import.meta.dir)].sort();

test.each(SCRIPTS)(
  "TB-05 TB-06 %s answers as PostgreSQL, buffered and flushed",
  async (name) => {
    const records = parseScript(await Bun.file(`${import.meta.dir}/${name}`).text());
    expect(records.filter(({ kind }) => kind === "query").length).toBeGreaterThan(0);
    await using server = await startTestServer();
    await server.root.sql("CREATE NAMESPACE logic");
    const failures: string[] = [];
    for (const record of records) {
      const failure = await mismatch(server.root, record);
      if (failure !== undefined) failures.push(failure);
    }
    await server.root.job("STORAGE FLUSH ALL IN logic");
    for (const record of records) {
      if (record.kind !== "query") continue;
      const failure = await mismatch(server.root, record);
      if (failure !== undefined) failures.push(`flushed, ${failure}`);
    }
    expect(failures).toEqual([]);
  },
  600_000,
);
