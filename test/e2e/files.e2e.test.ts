// TB-04: FILE columns from the upload to the download, over real HTTP: what is stored, who may read it, what is refused, and when the bytes go.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createClient, type FileRef, parseFileRef } from "../../src/link/index.ts";
import { type SqlReply, startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

let server: TestServer;
let alice: TestUser;
let bob: TestUser;

beforeAll(async () => {
  server = await startTestServer({ "files.max_size_bytes": 64 * 1024, "files.max_files_per_request": 3 });
  await server.root.sql("CREATE NAMESPACE app");
  alice = await server.user("alice");
  bob = await server.user("bob");
});

afterAll(() => server[Symbol.asyncDispose]());

beforeEach(async () => {
  await server.root.sql(
    "DROP TABLE IF EXISTS app.docs; CREATE USER TABLE app.docs (id INT PRIMARY KEY, title TEXT, doc FILE)",
  );
  await server.root.sql(
    "DROP TABLE IF EXISTS app.logos; CREATE SHARED TABLE app.logos (id INT PRIMARY KEY, logo FILE) WITH (ACCESS_LEVEL = 'public')",
  );
});

interface Form {
  readonly sql: string;
  readonly params?: string;
  readonly files?: Readonly<Record<string, File>>;
}

async function upload(user: TestUser, { sql, params, files = {} }: Form): Promise<SqlReply> {
  const body = new FormData();
  // Files first: nothing says that the statement comes before them.
  for (const [name, file] of Object.entries(files)) body.set(`file:${name}`, file);
  body.set("sql", sql);
  if (params !== undefined) body.set("params", params);
  const headers = { authorization: `Bearer ${user.token}` };
  const response = await fetch(`${server.url}/v1/api/sql`, { method: "POST", headers, body });
  return { ...((await response.json()) as Omit<SqlReply, "http">), http: response.status };
}

async function uploads(user: TestUser, form: Form): Promise<void> {
  const reply = await upload(user, form);
  if (reply.status !== "success") throw new Error(JSON.stringify(reply.error));
}

/** The finest code there is: clients of the peer's age know some only as a statement that failed. */
const codeOf = ({ error }: SqlReply): string | undefined => error?.reason ?? error?.code;

const photo = (text = "pixels", name = "Photo One.PNG"): File => new File([text], name, { type: "image/png" });

async function refOf(user: TestUser, sql = "SELECT doc FROM app.docs WHERE id = 1"): Promise<FileRef> {
  const [row] = await user.rows(sql);
  const ref = parseFileRef(String(row?.[0]));
  if (ref === null) throw new Error("no file");
  return ref;
}

const get = (user: TestUser, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(server.url + path, { headers: { authorization: `Bearer ${user.token}`, ...headers } });

const pathOf = (ref: FileRef, { table = "app/docs", name = "" } = {}): string =>
  `/v1/files/${table}/${ref.sub}/${name === "" ? ref.id : name}`;

/** Everything below the storage folder that an upload made. */
function storedFiles(): string[] {
  const folder = join(server.folder, "storage");
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter((name) => /\/f\d{4}\/\d/.test(name)).sort();
}

test("TB-04 a file is uploaded with its row, described by the cell, and downloaded byte by byte", async () => {
  const sql =
    "INSERT INTO app.docs (id, title, doc) VALUES ($1, 'file(''x'')', FILE(\"photo\")) RETURNING doc ->> 'mime'";
  const reply = await upload(alice, { sql, params: "[1]", files: { photo: photo() } });
  expect(reply.error).toBeNull();
  expect(reply.results[0]?.rows).toEqual([["image/png"]]);
  const ref = await refOf(alice);
  expect(ref).toEqual({
    id: expect.stringMatching(/^\d{15,19}$/),
    sub: "f0001",
    name: "Photo One.PNG",
    size: 6,
    mime: "image/png",
    sha256: new Bun.CryptoHasher("sha256").update("pixels").digest("hex"),
  });
  const stored = `${ref.id}-photo-one.png`;
  for (const path of [pathOf(ref), pathOf(ref, { name: stored }), `/api${pathOf(ref)}`]) {
    const response = await get(alice, path);
    expect([response.status, await response.text()]).toEqual([200, "pixels"]);
    expect(response.headers.get("content-type")).toBe("image/png");
    expect(response.headers.get("content-disposition")).toBe(`inline; filename="${stored}"`);
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("content-security-policy")).toContain("sandbox");
  }
  const { schema } = await alice.sql("SELECT doc FROM app.docs");
  expect(schema?.[0]?.data_type).toBe("File");
});

test("TB-04 ranges, conditions and HEAD are answered as a browser expects", async () => {
  await uploads(alice, {
    sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))",
    files: { a: photo("0123456789") },
  });
  const path = pathOf(await refOf(alice));
  const middle = await get(alice, path, { range: "bytes=2-4" });
  expect([middle.status, await middle.text(), middle.headers.get("content-range")]).toEqual([
    206,
    "234",
    "bytes 2-4/10",
  ]);
  const last = await get(alice, path, { range: "bytes=-3" });
  expect([last.status, await last.text()]).toEqual([206, "789"]);
  const beyond = await get(alice, path, { range: "bytes=10-" });
  expect([beyond.status, beyond.headers.get("content-range")]).toEqual([416, "bytes */10"]);
  const known = await get(alice, path, { "if-none-match": beyond.headers.get("etag") ?? "" });
  expect(known.status).toBe(304);
  const head = await fetch(server.url + path, { method: "HEAD", headers: { authorization: `Bearer ${alice.token}` } });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "10", ""]);
});

test("TB-03 TB-04 a user's file is another user's unknown file; who may act as the user may read it", async () => {
  await uploads(alice, { sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))", files: { a: photo() } });
  const ref = await refOf(alice);
  const unknown = pathOf({ ...ref, id: String(BigInt(ref.id) + 1n) });
  const answers = await Promise.all([get(bob, pathOf(ref)), get(bob, unknown)]);
  const texts = await Promise.all(
    answers.map(async (answer) => [answer.status, ((await answer.json()) as SqlReply).error]),
  );
  expect(texts[0]).toEqual(texts[1]);
  expect(texts[0]).toEqual([404, expect.objectContaining({ code: "FILE_NOT_FOUND", message: "File not found" })]);
  expect((await get(bob, `${pathOf(ref)}?user_id=alice`)).status).toBe(403);
  expect((await get(server.root, pathOf(ref))).status).toBe(404);
  expect(await (await get(server.root, `${pathOf(ref)}?user_id=alice`)).text()).toBe("pixels");
  expect((await fetch(server.url + pathOf(ref))).status).toBe(401);
  // A reference is no key: in one's own row it is refused.
  const stolen = JSON.stringify(ref);
  expect((await bob.fails("INSERT INTO app.docs (id, doc) VALUES (1, $1)", [stolen])).reason).toBe("INVALID_VALUE");
  const asAlice = "EXECUTE AS USER 'alice' (INSERT INTO app.docs (id, doc) VALUES (2, FILE('a')))";
  expect(codeOf(await upload(bob, { sql: asAlice, files: { a: photo() } }))).toBe("PERMISSION_DENIED");
  await uploads(server.root, { sql: asAlice, files: { a: photo("for alice") } });
  const given = await refOf(alice, "SELECT doc FROM app.docs WHERE id = 2");
  expect(await (await get(alice, pathOf(given))).text()).toBe("for alice");
});

test("TB-11 a file of a SHARED table follows the table's access level", async () => {
  const form = { sql: "INSERT INTO app.logos VALUES (1, FILE('a'))", files: { a: photo("logo") } };
  expect(codeOf(await upload(alice, form))).toBe("PERMISSION_DENIED");
  await uploads(server.root, form);
  const path = pathOf(await refOf(alice, "SELECT logo FROM app.logos"), { table: "app/logos" });
  expect(await (await get(alice, path)).text()).toBe("logo");
  expect((await get(alice, `${path}?user_id=alice`)).status).toBe(400);
  await server.root.sql("ALTER TABLE app.logos SET ACCESS LEVEL PRIVATE");
  expect((await get(alice, path)).status).toBe(403);
});

test.each([
  ["no part", { sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))" }, "MISSING_FILE"],
  ["no placeholder", { sql: "INSERT INTO app.docs (id) VALUES (1)", files: { a: photo() } }, "EXTRA_FILE"],
  [
    "in a string",
    { sql: "INSERT INTO app.docs (id, title) VALUES (1, 'FILE(''a'')')", files: { a: photo() } },
    "EXTRA_FILE",
  ],
  [
    "too large",
    { sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))", files: { a: photo("x".repeat(65_537)) } },
    "FILE_TOO_LARGE",
  ],
  ["too many", { sql: "SELECT 1", files: { a: photo(), b: photo(), c: photo(), d: photo() } }, "TOO_MANY_FILES"],
  [
    "two statements",
    { sql: "SELECT 1; INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))", files: { a: photo() } },
    "INVALID_INPUT",
  ],
  ["a SELECT", { sql: "SELECT FILE('a')", files: { a: photo() } }, "INVALID_INPUT"],
  [
    "a text column",
    { sql: "INSERT INTO app.docs (id, title) VALUES (1, FILE('a'))", files: { a: photo() } },
    "SQL_EXECUTION_ERROR",
  ],
  [
    "no such table",
    { sql: "INSERT INTO app.nothing (id, doc) VALUES (1, FILE('a'))", files: { a: photo() } },
    "TABLE_NOT_FOUND",
  ],
  [
    "a missing parameter",
    { sql: "INSERT INTO app.docs (id, doc) VALUES ($1, FILE('a'))", files: { a: photo() } },
    "INVALID_PARAMETER",
  ],
  ["bad params", { sql: "SELECT 1", params: "[1" }, "INVALID_PARAMETER"],
  ["no statement", { sql: " " }, "EMPTY_SQL"],
] satisfies readonly [string, Form, string][])(
  "TB-04 %s: the upload is refused and leaves nothing",
  async (_what, form, code) => {
    const before = storedFiles();
    expect(codeOf(await upload(alice, form))).toBe(code);
    expect(storedFiles()).toEqual(before);
    expect(readdirSync(join(server.folder, "uploads", "forms"))).toEqual([]);
    expect(await alice.rows("SELECT id FROM app.docs")).toEqual([]);
  },
);

test("TB-12 CL-02 an upload into an unknown table is answered with the code that peers know on that path alone", async () => {
  const sql = "INSERT INTO app.nothing (id, doc) VALUES (1, FILE('a'))";
  const { http, error } = await upload(alice, { sql, files: { a: photo() } });
  expect([http, error?.code, error?.reason]).toEqual([400, "TABLE_NOT_FOUND", undefined]);
  const asked = await alice.fails("SELECT * FROM app.nothing");
  expect([asked.http, asked.code, asked.reason]).toEqual([400, "SQL_EXECUTION_ERROR", "TABLE_NOT_FOUND"]);
});

test("TB-04 a failing statement keeps none of its files, and neither does one that takes none", async () => {
  await alice.sql("INSERT INTO app.docs (id) VALUES (1)");
  const before = storedFiles();
  const duplicate = { sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))", files: { a: photo() } };
  expect(codeOf(await upload(alice, duplicate))).toBe("DUPLICATE_KEY");
  await uploads(alice, { ...duplicate, sql: `${duplicate.sql} ON CONFLICT DO NOTHING` });
  await uploads(alice, { sql: "UPDATE app.docs SET doc = FILE('a') WHERE id = 7", files: { a: photo() } });
  expect(storedFiles()).toEqual(before);
});

test("TB-04 without a form FILE() says what it needs, and a reference cannot be made up", async () => {
  const refused = async (sql: string): Promise<string> => {
    const { code, reason = code, message } = await alice.fails(sql);
    return `${reason} ${message}`;
  };
  expect(await refused("INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))")).toBe(
    "INVALID_INPUT Statement 1 failed: FILE placeholders require multipart/form-data",
  );
  expect(await refused(`INSERT INTO app.docs (id, doc) VALUES (1, FILE("a"))`)).toStartWith("INVALID_INPUT");
  expect(await refused("INSERT INTO app.docs (id, doc) VALUES (1, '{}')")).toContain(
    "invalid input syntax for type file",
  );
  const ref = { id: "5", sub: "f0001", name: "a", size: 1, mime: "a/b", sha256: "0".repeat(64) };
  expect(await refused(`INSERT INTO app.docs (id, doc) VALUES (1, '${JSON.stringify(ref)}')`)).toContain(
    "file 5 is not a file of app.docs",
  );
  expect(await refused("SELECT id FROM app.docs WHERE doc = doc")).toContain("operator does not exist");
  expect(await refused("CREATE STREAM TABLE app.s (f FILE) WITH (TTL_SECONDS = 5)")).toContain("UNSUPPORTED");
  expect(await refused("ALTER TABLE app.docs ADD COLUMN other FILE DEFAULT '{}'")).toContain("cannot have a DEFAULT");
});

test("TB-04 names of any kind become safe names, and none leads out of the folder", async () => {
  const names = [
    "../../etc/passwd",
    "ÜBER äö.TXT",
    ".hidden",
    "a b_c--d.JPEG2000LONGEXT",
    "\u202Egnp.exe",
    "x".repeat(250),
  ];
  for (const [id, name] of names.entries()) {
    await uploads(alice, {
      sql: `INSERT INTO app.docs (id, doc) VALUES (${id}, FILE('a'))`,
      files: { a: photo("x", name) },
    });
  }
  const rows = await alice.rows("SELECT doc FROM app.docs ORDER BY id");
  expect(rows.map(([cell]) => parseFileRef(String(cell))?.name)).toEqual(["passwd", ...names.slice(1)]);
  for (const name of storedFiles()) expect(name).toMatch(/\/f\d{4}\/\d+(-[a-z0-9-]{1,50})?\.[a-z0-9]{1,10}$/);
  for (const path of ["f0001/..%2f..%2fkalamdb.sqlite", "f0001/1/../../x", "f01/5", "f0001/5%00", "f0001/"]) {
    expect([400, 404]).toContain((await get(alice, `/v1/files/app/docs/${path}`)).status);
  }
});

test.each([
  "TRUNCATE app.docs",
  "DELETE FROM app.docs WHERE id >= 0",
  "ALTER TABLE app.docs DROP COLUMN doc",
  "DROP TABLE app.docs",
])("TB-04 after %s nobody is given the file", async (statement) => {
  await uploads(alice, { sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))", files: { a: photo() } });
  const path = pathOf(await refOf(alice));
  await (statement.startsWith("DROP") ? server.root : alice).sql(statement);
  const answer = await get(alice, path);
  expect([answer.status, codeOf((await answer.json()) as SqlReply)]).toEqual([404, "FILE_NOT_FOUND"]);
});

test("TB-08 a transaction that is rolled back leaves a row its file", async () => {
  await uploads(alice, { sql: "INSERT INTO app.docs (id, doc) VALUES (1, FILE('a'))", files: { a: photo() } });
  const path = pathOf(await refOf(alice));
  await alice.sql("BEGIN; UPDATE app.docs SET doc = NULL WHERE id = 1; ROLLBACK");
  expect((await get(alice, path)).status).toBe(200);
  await alice.sql("BEGIN; UPDATE app.docs SET title = 'kept' WHERE id = 1; DELETE FROM app.docs WHERE id = 1; COMMIT");
  expect((await get(alice, path)).status).toBe(404);
});

test("TB-04 CL-01 the client library uploads, reads the reference and downloads", async () => {
  await using client = createClient({ url: server.url, auth: { user: "alice", password: "pass-word-alice-1" } });
  const insert = "INSERT INTO app.docs (id, doc) VALUES ($1, FILE('doc')) RETURNING doc";
  const { rows } = await client.queryWithFiles(insert, { doc: photo("from link") }, [7]);
  const ref = parseFileRef(rows[0]?.["doc"] ?? null);
  if (ref === null) throw new Error("no reference");
  expect(client.fileUrl("app.docs", ref)).toBe(`${server.url}/v1/files/app/docs/f0001/${ref.id}-photo-one.png`);
  const blob = await client.download("app.docs", ref);
  expect([await blob.text(), blob.type]).toEqual(["from link", "image/png"]);
  await client.query("DELETE FROM app.docs WHERE id = 7");
  expect(client.download("app.docs", ref)).rejects.toMatchObject({ code: "FILE_NOT_FOUND" });
});
