// OP-03: users take their own data with them.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readZip } from "../support/read-zip.ts";
import { startTestServer, type TestUser } from "../support/test-server.ts";

/** Several servers and programs are started, maybe on a busy machine. */
async function exported(user: TestUser): Promise<string> {
  await user.sql("EXPORT USER DATA");
  for (;;) {
    const [[, status, , message, url] = []] = await user.rows("SHOW EXPORT");
    if (status === "completed") return String(url);
    if (status === "failed") throw new Error(String(message));
    await Bun.sleep(10);
  }
}

const download = (url: string, user: TestUser): Promise<Response> =>
  fetch(url, { headers: { authorization: `Bearer ${user.token}` } });

test("OP-03 EXPORT USER DATA gives users their rows, flushed and buffered ones, and nobody else's", async () => {
  await using server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE app");
  await server.root.sql(
    "CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY, body TEXT); CREATE USER TABLE app.empty (id BIGINT PRIMARY KEY); CREATE STREAM TABLE app.typing (id BIGINT PRIMARY KEY) WITH (TTL_SECONDS = 60); CREATE SHARED TABLE app.shared (id BIGINT PRIMARY KEY)",
  );
  const [ann, ben] = [await server.user("ann@home.example"), await server.user("ben")];
  for (const [user, text] of [
    [ann, "ann's"],
    [ben, "ben's"],
  ] as const) {
    await user.sql(`INSERT INTO app.notes SELECT n, $1 FROM generate_series(1, 12000) AS s(n)`, [text]);
    await user.sql("INSERT INTO app.typing VALUES (1)");
  }
  await server.root.sql("STORAGE FLUSH ALL IN app");
  await ann.sql("DELETE FROM app.notes WHERE id = 7");
  await ann.sql("INSERT INTO app.notes VALUES (9007199254740993, 'late')");
  const url = await exported(ann);
  const response = await download(url, ann);
  expect(response.headers.get("content-type")).toBe("application/zip");
  expect(response.headers.get("content-disposition")).toMatch(/^attachment; filename="UE-[0-9a-f]{12}\.zip"$/);
  const files = readZip(Buffer.from(await response.arrayBuffer()));
  expect(Object.keys(files)).toEqual(["account.json", "app.notes.json", "app.typing.json"]);
  expect(JSON.parse(files["account.json"] ?? "")).toMatchObject({ user_id: "ann@home.example", role: "user" });
  const notes = JSON.parse(files["app.notes.json"] ?? "");
  expect(notes).toMatchObject({
    table: "app.notes",
    columns: [{ name: "id", type: "BIGINT" }, { name: "body" }, { name: "_seq" }],
  });
  const ids = new Set(notes.rows.map(([id]: readonly unknown[]) => String(id)));
  expect(ids.size).toBe(12_000);
  expect(notes.rows).toHaveLength(12_000);
  expect(ids.has("7")).toBe(false);
  expect(ids.has("9007199254740993")).toBe(true);
  expect(new Set(notes.rows.map(([, text]: readonly unknown[]) => text))).toEqual(new Set(["ann's", "late"]));
  // Once a day, and it says so.
  expect(await exported(ann)).toBe(url);
  expect(await ann.sql("EXPORT USER DATA")).toMatchObject({ message: expect.stringContaining("today already") });
  expect(await ann.rows("SHOW EXPORT")).toHaveLength(1);
  expect(await ben.rows("SHOW EXPORT")).toHaveLength(0);
  expect((await download(url, server.root)).status).toBe(200);
  const refused = await download(url, ben);
  expect([refused.status, await refused.json()]).toMatchObject([403, { error: { code: "PERMISSION_DENIED" } }]);
  const user = encodeURIComponent(ann.name);
  for (const path of [`${user}/UE-000000000000`, `${user}/..%2f..%2fsecrets`, `${user}/x/UE-000000000000`, user]) {
    const absent = await download(`${server.url}/v1/exports/${path}`, ann);
    expect([absent.status, await absent.json()]).toMatchObject([404, { error: { code: "EXPORT_NOT_FOUND" } }]);
  }
  expect((await fetch(url)).status).toBe(401);
});

test("TB-10 a dropped user's grace period of no days ends at the next look, exports and all", async () => {
  const settings = { "user_management.deletion_grace_period_days": 0 };
  await using first = await startTestServer(settings);
  await first.root.sql("CREATE NAMESPACE app; CREATE USER TABLE app.notes (id BIGINT PRIMARY KEY)");
  const ann = await first.user("ann");
  await ann.sql("INSERT INTO app.notes VALUES (1)");
  await exported(ann);
  const folder = join(first.folder, "exports", "ann");
  expect(existsSync(folder)).toBe(true);
  await first.root.sql("DROP USER 'ann'");
  await first.stop();
  // At a start, and once a minute after it.
  await using server = await startTestServer(settings, { folder: first.folder });
  const count = (sql: string): Promise<unknown> => server.root.rows(sql).then(([row]) => row?.[0]);
  while (
    (await count("SELECT count(*) FROM system.jobs WHERE job_type = 'user_cleanup' AND status = 'completed'")) !== "1"
  ) {
    await Bun.sleep(10);
  }
  expect(existsSync(folder)).toBe(false);
  expect(await count("SELECT count(*) FROM system.users WHERE user_id = 'ann'")).toBe("0");
  // The id is free, its new owner finds nothing, and tokens of the old one are void.
  const another = await server.user("ann");
  expect(await another.rows("SELECT * FROM app.notes")).toEqual([]);
  const late = await fetch(`${server.url}/v1/api/auth/me`, { headers: { authorization: `Bearer ${ann.token}` } });
  expect(late.status).toBe(401);
});
