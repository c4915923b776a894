// CREATE TABLE: kinds, columns, types, defaults, keys, options, and what is refused by name.
import { expect, test } from "bun:test";
import { MAX_COLUMNS } from "../../../src/sql/parse/table-columns.ts";
import type { CreateTable } from "../../../src/sql/statement.ts";
import { parseOne, refusalOf } from "./harness.ts";

function createTable(sql: string): CreateTable {
  const statement = parseOne(sql);
  if (statement.kind !== "createTable") throw new Error(`${sql} became ${statement.kind}`);
  return statement;
}

/** The column `c` of a table that is otherwise minimal. */
function column(definition: string) {
  return createTable(`CREATE TABLE t (id BIGINT PRIMARY KEY, c ${definition})`).columns[1];
}

const NOT_A_DEFAULT =
  "DEFAULT of column 'c' must be a literal or one of NOW(), CURRENT_USER(), SNOWFLAKE_ID(), UUID_V7(), ULID()";

test("TB-02 a table becomes plain data", () => {
  const statement = createTable(
    "create user table if not exists chat.Outbox (id BIGINT PRIMARY KEY DEFAULT SNOWFLAKE_ID(), body TEXT NOT NULL) " +
      "USING heap WITH (TYPE = 'user', STORAGE_ID = local, FLUSH_POLICY = 'rows:100, interval:60', USE_USER_STORAGE = false)",
  );
  expect<unknown>(statement).toEqual({
    kind: "createTable",
    ifNotExists: true,
    table: { namespace: "chat", name: "outbox" },
    tableKind: "user",
    columns: [
      { name: "id", type: { kind: "bigint" }, nullable: false, default: { kind: "function", name: "SNOWFLAKE_ID" } },
      { name: "body", type: { kind: "text" }, nullable: false, default: undefined },
    ],
    key: "id",
    storageId: "local",
    useUserStorage: false,
    flushPolicy: { rows: 100, intervalSeconds: 60 },
    accessLevel: undefined,
    ttlSeconds: undefined,
    isPersisted: false,
    deletedRetentionHours: undefined,
  });
});

test("TB-03 a STREAM table has a time to live, and a generated key where it names none", () => {
  const options = "WITH (TTL_SECONDS = 60)";
  const keyless = createTable(`CREATE STREAM TABLE t (body TEXT) ${options}`);
  expect<unknown>([keyless.tableKind, keyless.ttlSeconds, keyless.key]).toEqual(["stream", 60, "row_id"]);
  expect<unknown>(keyless.columns.at(-1)).toEqual({
    name: "row_id",
    type: { kind: "bigint" },
    nullable: false,
    default: { kind: "function", name: "SNOWFLAKE_ID" },
  });
  expect<unknown>(createTable(`CREATE STREAM TABLE t (k TEXT PRIMARY KEY) ${options}`).columns.length).toBe(1);
});

test.each([
  ["no keyword and no TYPE", "CREATE TABLE t (id BIGINT PRIMARY KEY)", "shared"],
  ["the keyword", "CREATE USER TABLE t (id BIGINT PRIMARY KEY)", "user"],
  ["the option", "CREATE TABLE t (id BIGINT PRIMARY KEY) WITH (type = USER)", "user"],
  ["both, agreeing", "CREATE SHARED TABLE t (id BIGINT PRIMARY KEY) WITH (TYPE = 'SHARED')", "shared"],
])("TB-02 the kind comes from %s", (_why, sql, kind) => {
  expect<string>(createTable(sql).tableKind).toBe(kind);
});

test("TB-02 the key may be a table constraint, and becomes NOT NULL", () => {
  const { columns, key } = createTable("CREATE TABLE t (a TEXT, b UUID, CONSTRAINT k PRIMARY KEY (b), UNIQUE (b))");
  expect<unknown>([key, columns.map(({ nullable }) => nullable)]).toEqual(["b", [true, false]]);
});

test.each([
  ["BOOL", { kind: "boolean" }],
  ["SMALLINT", { kind: "smallint" }],
  ["INT2", { kind: "smallint" }],
  ["INTEGER", { kind: "int" }],
  ["MEDIUMINT", { kind: "int" }],
  ["INT8", { kind: "bigint" }],
  ["INT64", { kind: "bigint" }],
  ["FLOAT", { kind: "float" }],
  ["REAL", { kind: "float" }],
  ["FLOAT8", { kind: "double" }],
  ["DOUBLE", { kind: "double" }],
  ["DOUBLE PRECISION", { kind: "double" }],
  ["DECIMAL", { kind: "decimal", precision: 38, scale: 10 }],
  ["NUMERIC(12, 2)", { kind: "decimal", precision: 12, scale: 2 }],
  ["DEC(5)", { kind: "decimal", precision: 5, scale: 0 }],
  ["TEXT", { kind: "text" }],
  ["STRING", { kind: "text" }],
  ["VARCHAR(20)", { kind: "text" }],
  ["CHARACTER VARYING (20)", { kind: "text" }],
  ["CHAR(3)", { kind: "text" }],
  ["TIMESTAMP", { kind: "timestamp" }],
  ["TIMESTAMP WITH TIME ZONE", { kind: "datetime" }],
  ["TIMESTAMPTZ", { kind: "datetime" }],
  ["DATETIME", { kind: "datetime" }],
  ["DATE", { kind: "date" }],
  ["TIME", { kind: "time" }],
  ["JSONB", { kind: "json" }],
  ["BYTES", { kind: "bytes" }],
  ["BYTEA", { kind: "bytes" }],
  ["BLOB", { kind: "bytes" }],
  ["UUID", { kind: "uuid" }],
])("TB-04 type %s", (written, expected) => {
  expect<unknown>(column(written)?.type).toEqual(expected);
});

test("TB-04 FLOAT is told from FLOAT8 behind letters beyond ASCII", () => {
  const sql = "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT DEFAULT 'é😀', b FLOAT, c FLOAT8)";
  expect<unknown>(createTable(sql).columns.map(({ type }) => type.kind)).toEqual(["bigint", "text", "float", "double"]);
});

test.each([
  ["TEXT DEFAULT 'it''s'", "it's"],
  ["TEXT DEFAULT ''", ""],
  ["TEXT DEFAULT 5", "5"],
  ["INT DEFAULT 0", 0],
  ["INT DEFAULT -5", -5],
  ["INT DEFAULT 2.5", 3],
  ["BIGINT DEFAULT -9223372036854775808", -9223372036854775808n],
  ["DOUBLE DEFAULT -1.5", -1.5],
  ["DECIMAL(10, 2) DEFAULT 1.005", 101n],
  ["DECIMAL(20, 0) DEFAULT 99999999999999999999", 99999999999999999999n],
  ["BOOLEAN DEFAULT FALSE", false],
  ["BYTES DEFAULT X'01ff'", new Uint8Array([1, 255])],
  ["DATE DEFAULT '1970-01-02'", 1],
  ["TIMESTAMP DEFAULT TIMESTAMP '1970-01-01 00:00:01'", 1000000n],
  ["JSON DEFAULT '{}'::json", "{}"],
])("TB-04 a literal default is a value of the column: %s", (definition, value) => {
  expect<unknown>(column(definition)?.default).toEqual({ kind: "literal", value });
});

test("TB-04 DEFAULT NULL is no default", () => {
  expect(column("TEXT DEFAULT NULL")?.default).toBeUndefined();
});

test.each([
  ["TIMESTAMP DEFAULT NOW()", "NOW"],
  ["TIMESTAMP DEFAULT now", "NOW"],
  ["DATETIME DEFAULT CURRENT_TIMESTAMP", "NOW"],
  ["TIMESTAMP DEFAULT CURRENT_TIMESTAMP()", "NOW"],
  ["TEXT DEFAULT CURRENT_USER", "CURRENT_USER"],
  ["TEXT DEFAULT CURRENT_USER()", "CURRENT_USER"],
  ["BIGINT DEFAULT SNOWFLAKE_ID", "SNOWFLAKE_ID"],
  ["UUID DEFAULT UUID_V7()", "UUID_V7"],
  ["TEXT DEFAULT ulid()", "ULID"],
  ["BIGINT AUTO_INCREMENT", "SNOWFLAKE_ID"],
  ["BIGINT NOT NULL IDENTITY", "SNOWFLAKE_ID"],
  ["BIGINT GENERATED ALWAYS AS IDENTITY", "SNOWFLAKE_ID"],
  ["BIGSERIAL", "SNOWFLAKE_ID"],
])("TB-05 a function default: %s", (definition, name) => {
  expect<unknown>(column(definition)?.default).toEqual({ kind: "function", name });
});

test("TB-02 SERIAL is a BIGINT that fills itself, and marks are no column names", () => {
  const { columns } = createTable("CREATE TABLE t (id SERIAL PRIMARY KEY, identity TEXT, auto_increment INT)");
  expect<unknown>(columns.map(({ name, type, nullable }) => [name, type.kind, nullable])).toEqual([
    ["id", "bigint", false],
    ["identity", "text", true],
    ["auto_increment", "int", true],
  ]);
});

test.each([
  ["INT DEFAULT 'abc'", "INVALID_VALUE", `Column 'c' expects INT: invalid input syntax for type integer: "abc"`],
  [
    "SMALLINT DEFAULT 40000",
    "INVALID_VALUE",
    "Column 'c' expects SMALLINT: value 40000 is out of range for type smallint",
  ],
  ["TEXT DEFAULT gen_random_uuid()", "INVALID_SQL", NOT_A_DEFAULT],
  ["TEXT DEFAULT B'101'", "INVALID_SQL", NOT_A_DEFAULT],
  ["TEXT DEFAULT X'1F'", "INVALID_SQL", NOT_A_DEFAULT],
  ["TEXT DEFAULT 'a' || 'b'", "INVALID_SQL", NOT_A_DEFAULT],
  [
    "INT DEFAULT SNOWFLAKE_ID()",
    "INVALID_SQL",
    "DEFAULT SNOWFLAKE_ID() does not fit column 'c' of type INT (use BIGINT or TEXT)",
  ],
  [
    "INT AUTO_INCREMENT",
    "INVALID_SQL",
    "DEFAULT SNOWFLAKE_ID() does not fit column 'c' of type INT (use BIGINT or TEXT)",
  ],
  ["BIGINT AUTO_INCREMENT DEFAULT 5", "INVALID_SQL", "column 'c' has both a DEFAULT and a generated value"],
  ["DECIMAL(39, 1)", "INVALID_SQL", "DECIMAL(p, s) needs 1 <= p <= 38 and 0 <= s <= p"],
  ["DECIMAL(2, 3)", "INVALID_SQL", "DECIMAL(p, s) needs 1 <= p <= 38 and 0 <= s <= p"],
  ["EMBEDDING(8193)", "INVALID_SQL", "EMBEDDING(n) needs 1 <= n <= 8192"],
  ["EMBEDDING", "INVALID_SQL", "EMBEDDING(n) needs 1 <= n <= 8192"],
  ["EMBEDDING(0)", "INVALID_SQL", "EMBEDDING(n) needs 1 <= n <= 8192"],
  ["XML", "UNSUPPORTED", "Type XML is not supported"],
  ["INTERVAL", "UNSUPPORTED", "Type INTERVAL is not supported"],
  ["TEXT[]", "UNSUPPORTED", "Type TEXT[] is not supported"],
  ["TIMESTAMP(3)", "UNSUPPORTED", "A modifier on type TIMESTAMP is not supported"],
  ["nonsense", "INVALID_SQL", 'type "nonsense" does not exist'],
  ["INT UNIQUE", "UNSUPPORTED", "UNIQUE on column 'c', which is not the PRIMARY KEY, is not supported"],
  ["INT CHECK (c > 1)", "UNSUPPORTED", "CHECK on column 'c' is not supported"],
  ["INT REFERENCES other (id)", "UNSUPPORTED", "FOREIGN KEY on column 'c' is not supported"],
  [
    "INT GENERATED ALWAYS AS (1) STORED",
    "UNSUPPORTED",
    "GENERATED ALWAYS AS (…) STORED on column 'c' is not supported",
  ],
  ["BIGINT GENERATED ALWAYS AS IDENTITY (START 10)", "UNSUPPORTED", "IDENTITY with sequence options is not supported"],
  ['TEXT COLLATE "C"', "UNSUPPORTED", "COLLATE is not supported"],
  ["INT NULL NOT NULL", "INVALID_SQL", 'conflicting NULL/NOT NULL declarations for column "c"'],
  ["INT, C TEXT", "INVALID_SQL", 'column "c" specified more than once'],
  ["INT, _seq BIGINT", "INVALID_NAME", "Column name '_seq' is reserved and cannot be used"],
  ["INT, _x BIGINT", "INVALID_NAME", 'Column name "_x" cannot start with underscore (reserved for system columns)'],
  ['INT, "a b" INT', "INVALID_NAME", 'Column name "a b" cannot contain spaces'],
  ['INT, "select" INT', "INVALID_NAME", "Name 'select' is a reserved SQL keyword and cannot be used"],
  ["INT, PRIMARY KEY (c)", "INVALID_SQL", "multiple primary keys are not allowed"],
])("TB-12 refuses a column %s", (definition, code, message) => {
  expect(refusalOf(`CREATE TABLE t (id BIGINT PRIMARY KEY, c ${definition})`)).toMatchObject({ code, message });
});

test.each([
  ["no key", "CREATE USER TABLE t (a INT)", "INVALID_SQL", "User tables require a PRIMARY KEY column"],
  ["no key, shared", "CREATE TABLE t (a INT)", "INVALID_SQL", "Shared tables require a PRIMARY KEY column"],
  [
    "two keys",
    "CREATE TABLE t (a INT, b INT, PRIMARY KEY (a, b))",
    "UNSUPPORTED",
    "A composite PRIMARY KEY is not supported",
  ],
  [
    "a float key",
    "CREATE TABLE t (a FLOAT PRIMARY KEY)",
    "INVALID_SQL",
    "PRIMARY KEY column 'a' cannot be of type FLOAT (use BIGINT, INT, SMALLINT, TEXT or UUID)",
  ],
  [
    "an unknown key",
    "CREATE TABLE t (a INT, PRIMARY KEY (b))",
    "INVALID_SQL",
    'column "b" named in key does not exist',
  ],
  [
    "kinds that disagree",
    "CREATE USER TABLE t (a INT PRIMARY KEY) WITH (TYPE = 'SHARED')",
    "INVALID_SQL",
    "Table option TYPE 'SHARED' does not agree with CREATE USER TABLE",
  ],
  [
    "no time to live, though it is a STREAM table",
    "CREATE STREAM TABLE t (a INT)",
    "INVALID_SQL",
    "STREAM tables must specify 'TTL_SECONDS'",
  ],
  [
    "a column in the way of a STREAM table's own key",
    "CREATE STREAM TABLE t (row_id INT) WITH (TTL_SECONDS = 10)",
    "INVALID_SQL",
    "A STREAM table with a column 'row_id' must name its PRIMARY KEY",
  ],
  [
    "a system namespace",
    "CREATE TABLE system.t (a INT PRIMARY KEY)",
    "INVALID_NAME",
    "Tables cannot be created in system namespace 'system'",
  ],
  ["AS SELECT", "CREATE TABLE t AS SELECT 1", "UNSUPPORTED", "CREATE TABLE … AS is not supported"],
  ["LIKE", "CREATE TABLE t (LIKE u)", "UNSUPPORTED", "LIKE in CREATE TABLE is not supported"],
  ["no list", "CREATE TABLE t", "INVALID_SQL", "syntax error at end of input"],
  ["an open list", "CREATE TABLE t (a INT", "INVALID_SQL", "syntax error at end of input"],
  [
    "more after it",
    "CREATE TABLE t (a INT PRIMARY KEY) PARTITION BY RANGE (a)",
    "INVALID_SQL",
    'syntax error at or near "PARTITION"',
  ],
])("TB-12 refuses a table with %s", (_why, sql, code, message) => {
  expect(refusalOf(sql)).toMatchObject({ code, message });
});

test.each([
  ["FOO = 1", "Unknown table option 'FOO'"],
  ["TYPE = user, type = user", "Table option 'TYPE' is given twice"],
  ["TYPE = view", "TYPE must be one of USER, SHARED, STREAM, not 'view'"],
  ["STORAGE_ID = '../x'", "STORAGE_ID '../x' may only contain letters, digits, '_' and '-'"],
  ["FLUSH_POLICY = 'rows:0'", "FLUSH_POLICY rows must be greater than 0 and less than 1000000"],
  ["FLUSH_POLICY = 'rows:1000000'", "FLUSH_POLICY rows must be greater than 0 and less than 1000000"],
  ["FLUSH_POLICY = 'interval:86400'", "FLUSH_POLICY interval must be greater than 0 and less than 86400 seconds"],
  [
    "FLUSH_POLICY = 'rows:1,rows:2'",
    "FLUSH_POLICY 'rows:1,rows:2' is not 'rows:N', 'interval:S' or 'rows:N,interval:S'",
  ],
  ["FLUSH_POLICY = 'often'", "FLUSH_POLICY 'often' is not 'rows:N', 'interval:S' or 'rows:N,interval:S'"],
  ["ACCESS_LEVEL = open", "ACCESS_LEVEL must be one of PUBLIC, PRIVATE, RESTRICTED, DBA, not 'open'"],
  ["TTL_SECONDS = 5", "Table option TTL_SECONDS applies to STREAM tables only"],
  ["PERSISTED = TRUE", "Table option PERSISTED applies to STREAM tables only"],
  ["TYPE = stream, TTL_SECONDS = 5, PERSISTED = maybe", "PERSISTED must be TRUE or FALSE, not 'maybe'"],
  ["TYPE = stream, TTL_SECONDS = 0", "TTL_SECONDS must be a whole number from 1 to 31536000, not '0'"],
  ["TYPE = stream, TTL_SECONDS = soon", "TTL_SECONDS must be a whole number from 1 to 31536000, not 'soon'"],
  [
    "TYPE = stream, TTL_SECONDS = 5, FLUSH_POLICY = 'rows:5'",
    "Table option FLUSH_POLICY does not apply to STREAM tables",
  ],
  ["TYPE = stream, TTL_SECONDS = 5, STORAGE_ID = x", "Table option STORAGE_ID does not apply to STREAM tables"],
  ["TYPE = stream, TTL_SECONDS = 5, ACCESS_LEVEL = dba", "Table option ACCESS_LEVEL applies to SHARED tables only"],
  ["TYPE = user, ACCESS_LEVEL = public", "Table option ACCESS_LEVEL applies to SHARED tables only"],
  ["USE_USER_STORAGE = true", "Table option USE_USER_STORAGE applies to USER tables only"],
  ["TYPE = user, USE_USER_STORAGE = yes", "USE_USER_STORAGE must be TRUE or FALSE, not 'yes'"],
  ...["-1", "1.5", "1000001", "99999999", "soon", "DEFAULT"].map((value) => [
    `DELETED_RETENTION_HOURS = '${value}'`,
    `DELETED_RETENTION_HOURS must be a whole number from 0 to 1000000, not '${value}'`,
  ]),
  [
    "TYPE = stream, TTL_SECONDS = 5, DELETED_RETENTION_HOURS = 5",
    "Table option DELETED_RETENTION_HOURS does not apply to STREAM tables",
  ],
])("TB-02 refuses the options %s", (options, message) => {
  expect(refusalOf(`CREATE TABLE t (id BIGINT PRIMARY KEY) WITH (${options})`).message).toBe(message);
});

test.each([
  ["rows:999999", { rows: 999999, intervalSeconds: undefined }],
  ["interval:86399", { rows: undefined, intervalSeconds: 86399 }],
  ["INTERVAL : 5 , rows : 7", { rows: 7, intervalSeconds: 5 }],
])("ST-02 FLUSH_POLICY '%s'", (policy, expected) => {
  const statement = createTable(`CREATE TABLE t (id BIGINT PRIMARY KEY) WITH (FLUSH_POLICY = '${policy}')`);
  expect(statement.flushPolicy).toEqual(expected);
});

test("TB-12 a syntax error in the column list stands where the text has it, marks and all", () => {
  const sql = "SELECT 'é'; CREATE USER TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, name TEXT oops)";
  expect(refusalOf(sql)).toEqual({
    code: "INVALID_SQL",
    message: 'syntax error at or near "oops"',
    position: sql.indexOf("oops"),
  });
});

test("TB-12 a refused column stands where the text has it, behind letters beyond ASCII", () => {
  const sql = "CREATE TABLE t (id BIGINT PRIMARY KEY, a TEXT DEFAULT 'é😀', b INT CHECK (b > 1))";
  expect(refusalOf(sql).position).toBe(sql.indexOf("CHECK"));
});

test("TB-02 a table has a bound on its columns", () => {
  const sql = (count: number) => {
    const more = Array.from({ length: count - 1 }, (_, index) => `, c${index} INT`);
    return `CREATE TABLE t (id BIGINT PRIMARY KEY${more.join("")})`;
  };
  expect(createTable(sql(MAX_COLUMNS)).columns).toHaveLength(MAX_COLUMNS);
  expect(refusalOf(sql(MAX_COLUMNS + 1)).message).toBe(`tables can have at most ${MAX_COLUMNS} columns`);
});
