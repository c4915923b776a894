// specs/sql.md is what the product does: its examples run in order, as one reader would type them, and its tables name what there is.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { assertMayRun, type StatementKind } from "../../src/auth/access.ts";
import { SYSTEM_VIEWS } from "../../src/engine/views/registry.ts";
import { ROLES } from "../../src/model/role.ts";
import { COLUMN_TYPES } from "../../src/model/types.ts";
import { FUNCTIONS } from "../../src/sql/functions/function-list.ts";
import { isUserCallable } from "../../src/sql/functions/operators.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { difference, failureDifference, parseExamples } from "./sql-example.ts";

const spec = await Bun.file(new URL("../../specs/sql.md", import.meta.url)).text();
const parser = await loadParser();

const blocks = [...spec.matchAll(/```sql\n([\s\S]*?)```/g)].map((match) => ({
  text: match[1] ?? "",
  line: spec.slice(0, match.index).split("\n").length + 1,
}));

/** The part between a heading and the next one of its level or above. */
function section(heading: string): string {
  const level = /^#+/.exec(heading)?.[0].length ?? 0;
  const rest = spec.slice(spec.indexOf(`\n${heading}\n`) + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server[Symbol.asyncDispose]());

test.each(blocks.map(({ line, text }) => [line, text] as const))(
  "TB-12 the example at line %d answers as it says",
  async (_line, text) => {
    const examples = parseExamples(text);
    const failing = examples.find((example) => example.error !== undefined);
    const reply = await server.root.send(text, undefined, { namespace_id: "default" });
    if (failing !== undefined) {
      expect(failureDifference(failing, reply)).toBeUndefined();
      return;
    }
    expect(reply.error ?? undefined).toBeUndefined();
    expect(reply.results).toHaveLength(examples.length);
    expect(examples.map((example, index) => difference(example, reply.results[index])).filter(Boolean)).toEqual([]);
    // An example below may look at what a flush left.
    await server.root.jobsEnd();
  },
);

/** Where the table of statements lists each kind. Total, so that a new kind needs a row. */
const ROW_OF_KIND: Record<StatementKind, string> = {
  select: "`SELECT`",
  insert: "`INSERT`",
  update: "`UPDATE`",
  delete: "`DELETE`",
  explain: "`EXPLAIN`",
  createTable: "`CREATE TABLE`",
  alterTable: "`ALTER TABLE`",
  dropTable: "`DROP TABLE`",
  truncate: "`TRUNCATE`",
  clearCache: "`CLEAR CACHE`",
  showCreate: "`SHOW CREATE`",
  createIndex: "`CREATE INDEX`",
  dropIndex: "`DROP INDEX`",
  showIndexes: "`SHOW INDEXES`",
  createView: "`CREATE VIEW`",
  dropView: "`DROP VIEW`",
  showViews: "`SHOW VIEWS`",
  createNamespace: "`CREATE NAMESPACE`",
  alterNamespace: "`ALTER NAMESPACE`",
  dropNamespace: "`DROP NAMESPACE`",
  useNamespace: "`USE`",
  showNamespaces: "`SHOW NAMESPACES`",
  showTables: "`SHOW TABLES`",
  describeTable: "`DESCRIBE`",
  showStorages: "`SHOW STORAGES`",
  createStorage: "`CREATE STORAGE`",
  alterStorage: "`ALTER STORAGE`",
  dropStorage: "`DROP STORAGE`",
  checkStorage: "`STORAGE CHECK`",
  tableStats: "`SHOW TABLE STATS`",
  begin: "`BEGIN`",
  commit: "`COMMIT`",
  rollback: "`ROLLBACK`",
  flushTable: "`STORAGE FLUSH`",
  flushAll: "`STORAGE FLUSH`",
  compactTable: "`STORAGE COMPACT`",
  compactAll: "`STORAGE COMPACT`",
  killConnection: "`KILL CONNECTION`",
  killLiveQuery: "`KILL LIVE QUERY`",
  killJob: "`KILL JOB`",
  exportUserData: "`EXPORT USER DATA`",
  showExport: "`SHOW EXPORT`",
  backupDatabase: "`BACKUP DATABASE`",
  restoreDatabase: "`RESTORE DATABASE`",
  subscribe: "`SUBSCRIBE TO`",
  createUser: "`CREATE USER`",
  alterUser: "`ALTER USER`",
  dropUser: "`DROP USER`",
  insertUser: "`INSERT INTO system.users`",
  updateUser: "`UPDATE system.users`",
  deleteUser: "`DELETE FROM system.users`",
  createApiKey: "`CREATE API KEY`",
  dropApiKey: "`DROP API KEY`",
  showApiKeys: "`SHOW API KEYS`",
  executeAs: "`EXECUTE AS USER`",
};

const KINDS = Object.entries(ROW_OF_KIND);

test.each(KINDS)("TB-11 the role that %s needs is the one in the table", (kind, name) => {
  const row = section("## Statements")
    .split("\n")
    .find((line) => line.startsWith("|") && line.split("|")[1]?.includes(name));
  const word = /^\w+/.exec(row?.split("|")[2]?.trim() ?? "")?.[0] ?? "";
  const documented = word === "admin" ? "dba" : word;
  const lowest = ROLES.find((role) => mayRun(role, kind as StatementKind));
  expect(documented).toBe(lowest ?? "nobody");
});

function mayRun(role: (typeof ROLES)[number], kind: StatementKind): boolean {
  try {
    assertMayRun(role, kind);
    return true;
  } catch {
    // A refusal is the answer.
    return false;
  }
}

test("every kind of statement has an example", () => {
  const shown = new Set<string>();
  for (const { text } of blocks) {
    const examples = parseExamples(text);
    if (examples.some((example) => example.error !== undefined)) continue;
    for (const { statement } of parser.parse(text)) shown.add(statement.kind);
  }
  // Their ids are made up by the server: the examples show the refusal of an id that is not there.
  const needIds = ["killConnection", "killJob", "killLiveQuery"];
  const alwaysRefused = ["restoreDatabase"];
  expect([...shown, ...needIds, ...alwaysRefused].toSorted()).toEqual(KINDS.map(([kind]) => kind).toSorted());
});

test("TB-04 every type is in the table, with all its spellings, and in an example", () => {
  const table = section("## Types");
  const used = new Set(
    blocks.flatMap(({ text }) => {
      if (parseExamples(text).some((example) => example.error !== undefined)) return [];
      return parser
        .parse(text)
        .flatMap(({ statement }) =>
          statement.kind === "createTable" ? statement.columns.map(({ type }) => type.kind) : [],
        );
    }),
  );
  for (const [kind, type] of Object.entries(COLUMN_TYPES)) {
    expect(used).toContain(kind as keyof typeof COLUMN_TYPES);
    for (const name of type.names) expect(table).toContain(name.toUpperCase());
  }
});

test("TB-05 every function is named", () => {
  const table = section("## Functions");
  const named = new Set([...table.matchAll(/`([a-z_0-9]+)\(/g)].map((match) => match[1] ?? ""));
  const callable = FUNCTIONS.map(({ name }) => name).filter(isUserCallable);
  expect(callable.filter((name) => !named.has(name))).toEqual([]);
});

test("TB-10 every system view is named, and no other", () => {
  const named = [...section("## System views").matchAll(/`((?:system|information_schema)\.\w+)`/g)].map(
    (match) => match[1] ?? "",
  );
  expect([...new Set(named)].toSorted()).toEqual([...SYSTEM_VIEWS.keys()].toSorted());
});
