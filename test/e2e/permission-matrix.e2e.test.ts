// TB-03 TB-11: who may do what, over every role, kind of relation and form of statement. The expectations are the tables of "Who may do what" in specs/sql.md.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createClient, type KalamClient } from "../../src/link/client.ts";
import { KalamError } from "../../src/link/kalam-error.ts";
import {
  ACCOUNT_ROLES,
  type AccountRole,
  type Action,
  mayReach,
  mayTouch,
  relationsOfPolicy,
} from "../support/permission-policy.ts";
import { DESCRIPTIONS, READS, type Target, UPDATES, WRITES } from "../support/statement-forms.ts";
import { type SqlReply, startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

const COLUMNS = "(id BIGINT PRIMARY KEY, body TEXT)";
const LEVELS = ["PUBLIC", "PRIVATE", "RESTRICTED", "DBA"] as const;

const TABLES: readonly Target[] = [
  { policy: "USER table, own rows", name: "app.notes", kind: "table", text: "body", one: "id = 1" },
  { policy: "STREAM table, own rows", name: "app.typing", kind: "stream", text: "body", one: "id = 1" },
  ...LEVELS.map((level): Target => {
    return {
      policy: `SHARED table, ${level}`,
      name: `app.${level.toLowerCase()}_rows`,
      kind: "table",
      text: "body",
      one: "id = 1",
    };
  }),
];
const SYSTEM_VIEWS: readonly Target[] = [
  { policy: "view of system", name: "system.settings", kind: "systemView", text: "name", one: "name = 'server.port'" },
  {
    policy: "view of information_schema",
    name: "information_schema.tables",
    kind: "systemView",
    text: "table_name",
    one: "table_name = 'notes'",
  },
];
/** A view over each; it is read by whoever may read what it is over. */
const VIEWS: readonly Target[] = [...TABLES, ...SYSTEM_VIEWS].map((target) => {
  return { ...target, name: `app.view_${target.name.replace(".", "_")}`, kind: "view" };
});

let server: TestServer;
let users: Record<AccountRole, TestUser>;

beforeAll(async () => {
  server = await startTestServer();
  const { root } = server;
  await root.sql(`CREATE NAMESPACE app; CREATE USER TABLE app.own ${COLUMNS}; CREATE USER TABLE app.notes ${COLUMNS}`);
  await root.sql(`CREATE STREAM TABLE app.typing ${COLUMNS} WITH (TTL_SECONDS = 3600)`);
  for (const level of LEVELS) {
    await root.sql(`CREATE SHARED TABLE app.${level.toLowerCase()}_rows ${COLUMNS} WITH (ACCESS_LEVEL = '${level}')`);
    await root.sql(`INSERT INTO app.${level.toLowerCase()}_rows VALUES (1, 'secret of ${level}')`);
  }
  for (const { name } of VIEWS) {
    const of = [...TABLES, ...SYSTEM_VIEWS].find((target) => name === `app.view_${target.name.replace(".", "_")}`);
    await root.sql(`CREATE VIEW ${name} AS SELECT * FROM ${of?.name}`);
  }
  users = {
    user: await server.user("ursula"),
    service: await server.user("sven", "service"),
    dba: await server.user("dora", "dba"),
    system: await server.user("sybil", "system"),
  };
  for (const role of ACCOUNT_ROLES) {
    await users[role].sql(`INSERT INTO app.notes VALUES (1, 'secret row of ${role}')`);
    await users[role].sql(`INSERT INTO app.typing VALUES (1, 'secret row of ${role}')`);
  }
});

afterAll(() => server[Symbol.asyncDispose]());

/** Whether it was allowed; a refusal must be one, and show nothing. */
function verdict(reply: SqlReply, what: string): boolean {
  if (reply.status === "success") return true;
  const { error } = reply;
  if (reply.http !== 403 || error?.code !== "PERMISSION_DENIED") throw new Error(`${what}\n→ ${JSON.stringify(error)}`);
  expect(JSON.stringify({ ...error, details: undefined })).not.toContain("secret");
  expect(reply.results.flatMap(({ rows = [] }) => rows)).toEqual([]);
  return false;
}

async function allowed(sql: string): Promise<AccountRole[]> {
  const verdicts = await Promise.all(
    ACCOUNT_ROLES.map(async (role) => {
      const reply = await users[role].send(sql);
      const may = verdict(reply, `${role}: ${sql}`);
      assertOwn(reply, role);
      return may;
    }),
  );
  return ACCOUNT_ROLES.filter((_role, index) => verdicts[index]);
}

/** Nobody is shown a row of another user. */
function assertOwn({ results }: SqlReply, role: AccountRole): void {
  const shown = JSON.stringify(results.map(({ rows = [] }) => rows)).toLowerCase();
  for (const other of ACCOUNT_ROLES) if (other !== role) expect(shown).not.toContain(`secret row of ${other}"`);
}

type Matrix = Record<string, readonly AccountRole[]>;

function expected(targets: readonly Target[], action: Action): Matrix {
  return Object.fromEntries(targets.map(({ name, policy }) => [name, mayTouch(policy, action)]));
}

async function found(targets: readonly Target[], sql: (target: Target) => string): Promise<Matrix> {
  const rows: Matrix = {};
  for (const target of targets) rows[target.name] = await allowed(sql(target));
  return rows;
}

test("every relation of the policy is in the matrix", () => {
  const policies = new Set([...TABLES, ...SYSTEM_VIEWS].map(({ policy }) => policy));
  expect([...policies, "view"].toSorted()).toEqual([...relationsOfPolicy()].toSorted());
});

describe("TB-03 TB-11 reading", () => {
  test.each(READS)("%s", async (_why, sql) => {
    const targets = [...TABLES, ...SYSTEM_VIEWS, ...VIEWS];
    expect(await found(targets, sql)).toEqual(expected(targets, "read"));
  });

  test("in a transaction", async () => {
    // Of STREAM tables a transaction reads nothing.
    const targets = [...TABLES, ...SYSTEM_VIEWS, ...VIEWS].filter(({ policy }) => !policy.startsWith("STREAM"));
    const sql = ({ name, text }: Target): string =>
      `BEGIN; INSERT INTO app.own (id, body) SELECT SNOWFLAKE_ID(), ${text} FROM ${name}; COMMIT`;
    expect(await found(targets, sql)).toEqual(expected(targets, "read"));
  });

  test("EXPLAIN and EXPLAIN ANALYZE ask for an administrator besides", async () => {
    const admins = ["dba", "system"];
    for (const target of [...TABLES, ...SYSTEM_VIEWS]) {
      const may = mayTouch(target.policy, "read").filter((role) => admins.includes(role));
      expect(await allowed(`EXPLAIN SELECT * FROM ${target.name}`)).toEqual(may);
      expect(await allowed(`EXPLAIN ANALYZE SELECT count(*) FROM ${target.name}`)).toEqual(may);
    }
  });

  test("SHOW TABLE STATS counts what may be read", async () => {
    expect(await found(TABLES, ({ name }) => `SHOW TABLE STATS ${name}`)).toEqual(expected(TABLES, "read"));
  });
});

describe("TB-11 describing", () => {
  test.each(DESCRIPTIONS)("%s", async (_why, sql) => {
    const targets = [...TABLES, ...SYSTEM_VIEWS, ...VIEWS];
    const views = Object.fromEntries(VIEWS.map(({ name }) => [name, mayTouch("view", "describe")]));
    expect(await found(targets, sql)).toEqual({ ...expected([...TABLES, ...SYSTEM_VIEWS], "describe"), ...views });
  });

  test("SHOW CREATE, HISTORY; the text of a view is for administrators", async () => {
    expect(await found(TABLES, ({ name }) => `SHOW CREATE TABLE ${name}`)).toEqual(expected(TABLES, "describe"));
    expect(await found(TABLES, ({ name }) => `DESCRIBE ${name} HISTORY`)).toEqual(expected(TABLES, "describe"));
    for (const sql of [
      "SHOW CREATE VIEW app.view_app_dba_rows",
      "SHOW VIEWS",
      "SELECT * FROM information_schema.views",
    ]) {
      expect(await allowed(sql)).toEqual([...ACCOUNT_ROLES]);
      expect(JSON.stringify(await users.user.rows(sql))).not.toContain("SELECT");
      expect(JSON.stringify(await users.service.rows(sql))).not.toContain("SELECT");
    }
  });
});

/** The peer's protocol has a word of its own for it. */
const DENIED = { native: "PERMISSION_DENIED", peer: "UNAUTHORIZED" } as const;
type Protocol = keyof typeof DENIED;

/** Undefined when the role is served, which sees no row of others; else the code it is refused with. */
async function subscribed(client: KalamClient, role: AccountRole, sql: string): Promise<string | undefined> {
  const live = client.live(sql);
  const code = await live.ready.then(
    () => undefined,
    (error: unknown) => (error instanceof KalamError ? error.code : String(error)),
  );
  const bodies = live.rows().map((row) => String(row["body"]));
  expect(bodies.filter((body) => body.startsWith("secret row") && !body.endsWith(` ${role}`))).toEqual([]);
  if (code !== undefined) expect(bodies).toEqual([]);
  live.close();
  return code;
}

describe.each(["native", "peer"] as const)("LQ-17 TB-03 live queries over the %s protocol", (protocol: Protocol) => {
  const forms: readonly (readonly [string, (target: Target) => string, (target: Target) => boolean])[] = [
    ["its rows", ({ name }) => `SELECT * FROM ${name}`, ({ policy }) => !policy.startsWith("view of")],
    [
      "a sub-query",
      ({ name }) => `SELECT * FROM app.own WHERE EXISTS (SELECT 1 FROM ${name})`,
      // What a STREAM table holds has no position in common with the rows of a query process.
      ({ policy }) => /^(USER|SHARED) table/.test(policy) && protocol === "native",
    ],
  ];

  test.each(forms)("%s", async (_why, sql, isOffered) => {
    const clients = ACCOUNT_ROLES.map((role) =>
      createClient({ url: server.url, protocol, auth: { token: users[role].token } }),
    );
    for (const target of [...TABLES, ...SYSTEM_VIEWS, ...VIEWS]) {
      const codes = await Promise.all(
        clients.map((client, index) => subscribed(client, ACCOUNT_ROLES[index] ?? "user", sql(target))),
      );
      const may = isOffered(target) ? mayTouch(target.policy, "live query") : [];
      expect([target.name, ACCOUNT_ROLES.filter((_role, index) => codes[index] === undefined)]).toEqual([
        target.name,
        [...may],
      ]);
      const refusals = isOffered(target) ? [DENIED[protocol]] : [DENIED[protocol], "UNSUPPORTED"];
      for (const code of codes) if (code !== undefined) expect(refusals).toContain(code);
    }
    for (const client of clients) client.disconnect();
  });
});

describe("TB-03 TB-11 writing", () => {
  test.each(WRITES)("%s", async (_why, sql) => {
    expect(await found(TABLES, sql)).toEqual(expected(TABLES, "write"));
  });

  const updatable = TABLES.filter(({ kind }) => kind === "table");
  test.each(UPDATES)("%s", async (_why, sql) => {
    expect(await found(updatable, sql)).toEqual(expected(updatable, "write"));
  });

  test.each([...WRITES, ...UPDATES])("a view takes no %s from anybody", async (_why, sql) => {
    for (const target of [...VIEWS, ...SYSTEM_VIEWS]) {
      for (const role of ACCOUNT_ROLES) {
        const { http, error } = await users[role].send(sql(target));
        expect({ role, sql: sql(target), http, failed: error != null }).toMatchObject({ failed: true });
        expect([400, 403]).toContain(http);
      }
    }
  });

  test("TRUNCATE ends the caller's own rows, and those of SHARED tables one may write", async () => {
    const copies = TABLES.map((target) => ({ ...target, name: `${target.name}_copy` }));
    for (const { policy, name, kind } of copies) {
      const [word = "", , level = ""] = policy.split(/[ ,]+/);
      const options =
        kind === "stream" ? "WITH (TTL_SECONDS = 60)" : word === "SHARED" ? `WITH (ACCESS_LEVEL = '${level}')` : "";
      await server.root.sql(
        `CREATE ${word} TABLE ${name} ${COLUMNS} ${options}; INSERT INTO ${name} VALUES (1, 'of root')`,
      );
    }
    expect(await found(copies, ({ name }) => `TRUNCATE ${name}`)).toEqual(
      expected(
        TABLES.map((target, index) => ({ ...target, name: copies[index]?.name ?? "" })),
        "write",
      ),
    );
    expect(
      await server.root.rows("SELECT body FROM app.notes_copy UNION ALL SELECT body FROM app.typing_copy"),
    ).toEqual([["of root"], ["of root"]]);
    await server.root.sql(copies.map(({ name }) => `DROP TABLE ${name}`).join(";"));
  });
});

describe("TB-11 definitions", () => {
  const statement = (policy: string, name: string): string => {
    const [word = "", , level = ""] = policy.split(/[ ,]+/);
    if (word === "STREAM") return `CREATE STREAM TABLE ${name} ${COLUMNS} WITH (TTL_SECONDS = 60)`;
    if (word === "SHARED") return `CREATE SHARED TABLE ${name} ${COLUMNS} WITH (ACCESS_LEVEL = '${level}')`;
    return word === "USER" ? `CREATE USER TABLE ${name} ${COLUMNS}` : `CREATE VIEW ${name} AS SELECT 1 AS one`;
  };
  const kinds = [...TABLES.map(({ policy }) => policy), "view"];

  test.each(kinds)("CREATE, ALTER and DROP of: %s", async (policy) => {
    const isView = policy === "view";
    const may: Record<string, AccountRole[]> = { CREATE: [], ALTER: [], DROP: [] };
    for (const role of ACCOUNT_ROLES) {
      const run = async (action: string, sql: string): Promise<void> => {
        const reply = await users[role].send(sql);
        const isRefusedKind = isView && action === "ALTER" && reply.http === 400;
        if (!isRefusedKind && verdict(reply, `${role}: ${sql}`)) may[action]?.push(role);
      };
      await run("CREATE", statement(policy, `app.made_by_${role}`));
      await server.root.sql(statement(policy, `app.there_for_${role}`));
      await run("ALTER", `ALTER TABLE app.there_for_${role} ADD COLUMN more INT`);
      await run("DROP", `DROP ${isView ? "VIEW" : "TABLE"} app.there_for_${role}`);
      for (const name of [`app.made_by_${role}`, `app.there_for_${role}`]) {
        await server.root.sql(`DROP ${isView ? "VIEW" : "TABLE"} IF EXISTS ${name}`);
      }
    }
    const wanted = (action: Action): AccountRole[] => [...mayTouch(policy, action)];
    expect(may).toEqual({ CREATE: wanted("CREATE"), ALTER: wanted("ALTER"), DROP: wanted("DROP") });
  });

  test("whoever may not write a SHARED table cannot open it to themselves", async () => {
    const error = await users.service.fails("ALTER TABLE app.dba_rows SET ACCESS LEVEL PUBLIC");
    expect(error).toMatchObject({ http: 403, code: "PERMISSION_DENIED" });
    expect(await allowed("SELECT * FROM app.dba_rows")).toEqual(["dba", "system"]);
  });

  test.each(SYSTEM_VIEWS)("$policy is nobody's to define", async ({ name }) => {
    for (const role of ACCOUNT_ROLES) {
      for (const sql of [
        `CREATE USER TABLE ${name}2 ${COLUMNS}`,
        `CREATE VIEW ${name}2 AS SELECT 1 AS one`,
        `ALTER TABLE ${name} ADD COLUMN x INT`,
        `DROP TABLE ${name}`,
        `DROP VIEW ${name}`,
        `TRUNCATE ${name}`,
      ]) {
        const { error } = await users[role].send(sql);
        expect({ role, sql, failed: error != null }).toEqual({ role, sql, failed: true });
      }
    }
  });
});

describe("TB-03 TB-11 people", () => {
  test.each(ACCOUNT_ROLES)("%s executes as others by the table, as themselves always", async (role) => {
    const as = async (name: string, sql: string): Promise<SqlReply> =>
      users[role].send(`EXECUTE AS USER '${name}' (${sql})`);
    const may: AccountRole[] = [];
    for (const other of ACCOUNT_ROLES.filter((each) => each !== role)) {
      const reply = await as(users[other].name, "SELECT body FROM app.notes WHERE id = 1");
      if (verdict(reply, `${role} as ${other}`)) may.push(other);
      if (reply.status === "success") expect(reply.results[0]?.rows).toEqual([[`secret row of ${other}`]]);
    }
    expect(may).toEqual(mayReach(role, "executeAs").filter((other) => other !== role));
    const own = await as(users[role].name, "SELECT body FROM app.notes WHERE id = 1");
    expect(own.results[0]?.rows).toEqual([[`secret row of ${role}`]]);
    const unknown = await as("nobody-has-this-id", "SELECT body FROM app.notes");
    expect(verdict(unknown, `${role} as nobody`)).toBe(mayReach(role, "executeAs").includes("user"));
  });

  test.each(ACCOUNT_ROLES)(
    "%s executes as another with the rights of a user, on USER and STREAM tables",
    async (role) => {
      const { name } = users[role];
      const refused = [
        ...TABLES.filter(({ policy }) => policy.startsWith("SHARED")).flatMap((target) => [
          `SELECT * FROM ${target.name}`,
          `INSERT INTO ${target.name} VALUES (50, 'x')`,
          `INSERT INTO app.own (id, body) SELECT 50, body FROM ${target.name}`,
          `UPDATE app.own SET body = t.body FROM ${target.name} t WHERE own.id = 1`,
          `DELETE FROM app.own USING ${target.name} t WHERE own.id = t.id`,
        ]),
        "SELECT * FROM system.users",
        "SELECT * FROM app.view_system_settings",
        "EXPLAIN SELECT 1",
        "DROP TABLE app.own",
        "CREATE USER 'eve' WITH PASSWORD 'long-enough-1' ROLE dba",
      ];
      for (const sql of refused) {
        const { error } = await users[role].send(`EXECUTE AS USER '${name}' (${sql})`);
        expect({ sql, failed: error != null }).toEqual({ sql, failed: true });
      }
    },
  );

  test.each(ACCOUNT_ROLES)("%s makes, changes and drops accounts by the table", async (role) => {
    const may: Record<string, AccountRole[]> = { make: [], change: [], drop: [], grant: [] };
    for (const other of ACCOUNT_ROLES) {
      const run = async (what: string, sql: string): Promise<void> => {
        if (verdict(await users[role].send(sql), `${role}: ${sql}`)) may[what]?.push(other);
      };
      const there = `there_${role}_${other}`;
      await server.root.sql(
        `CREATE USER ${there} WITH INTERNAL ROLE ${other}; CREATE USER plain_${there} WITH INTERNAL`,
      );
      await run("make", `CREATE USER made_${role}_${other} WITH INTERNAL ROLE ${other}`);
      await run("grant", `ALTER USER plain_${there} SET ROLE ${other}`);
      await run("change", `ALTER USER ${there} SET EMAIL 'a@example.com'`);
      await run("drop", `DROP USER ${there}`);
    }
    const manageable = [...mayReach(role, "manage")];
    expect(may).toEqual({ make: manageable, change: manageable, drop: manageable, grant: manageable });
  });
});
