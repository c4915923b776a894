// ALTER TABLE: every form, lists of actions, and what is refused by name.
import { expect, test } from "bun:test";
import type { AlterAction, AlterTable } from "../../../src/sql/statement.ts";
import { parseOne, refusalOf } from "./harness.ts";

function alter(sql: string): AlterTable {
  const statement = parseOne(sql);
  if (statement.kind !== "alterTable") throw new Error(`${sql} became ${statement.kind}`);
  return statement;
}

/** Actions without the syntax trees of their defaults. */
function actions(text: string): readonly unknown[] {
  return alter(`ALTER TABLE t ${text}`).actions.map((action: AlterAction) =>
    action.kind === "setDefault" ? { kind: action.kind, column: action.column } : action,
  );
}

const INT = { kind: "int" };
const column = (name: string, type: object, more: object = {}) => ({
  name,
  type,
  nullable: true,
  default: undefined,
  ...more,
});

test("TB-09 the table may be qualified and need not exist", () => {
  expect<unknown>(alter("alter table if exists Chat.T drop column b")).toEqual({
    kind: "alterTable",
    ifExists: true,
    table: { namespace: "chat", name: "t" },
    actions: [{ kind: "dropColumn", ifExists: false, column: "b" }],
  });
});

test.each<[string, unknown, string]>([
  ["ADD COLUMN c INT", { kind: "addColumn", ifNotExists: false, column: column("c", INT) }, "the plain form"],
  ["ADD c INT", { kind: "addColumn", ifNotExists: false, column: column("c", INT) }, "COLUMN may be left out"],
  [
    "ADD COLUMN IF NOT EXISTS c INT NULL DEFAULT 5",
    {
      kind: "addColumn",
      ifNotExists: true,
      column: column("c", INT, { default: { kind: "literal", value: 5 } }),
    },
    "NULL is the default",
  ],
  [
    "ADD COLUMN c TIMESTAMP NOT NULL DEFAULT NOW()",
    {
      kind: "addColumn",
      ifNotExists: false,
      column: column("c", { kind: "timestamp" }, { nullable: false, default: { kind: "function", name: "NOW" } }),
    },
    "default functions are read as in CREATE TABLE",
  ],
  ["DROP COLUMN c", { kind: "dropColumn", ifExists: false, column: "c" }, ""],
  ["DROP IF EXISTS c RESTRICT", { kind: "dropColumn", ifExists: true, column: "c" }, "RESTRICT is what happens anyway"],
  ["RENAME COLUMN a TO b", { kind: "renameColumn", column: "a", to: "b" }, ""],
  ['RENAME "A" TO b', { kind: "renameColumn", column: "a", to: "b" }, "names fold, quoted or not"],
  ["ALTER COLUMN c SET NOT NULL", { kind: "setNullable", column: "c", nullable: false }, ""],
  ["ALTER c DROP NOT NULL", { kind: "setNullable", column: "c", nullable: true }, ""],
  ["ALTER COLUMN c SET DEFAULT 5", { kind: "setDefault", column: "c" }, ""],
  ["ALTER COLUMN c DROP DEFAULT", { kind: "dropDefault", column: "c" }, ""],
  [
    "ALTER COLUMN c TYPE BIGINT",
    { kind: "setType", column: "c", type: { kind: "bigint" }, nullable: undefined },
    "PostgreSQL's short form",
  ],
  [
    "ALTER COLUMN c SET DATA TYPE DOUBLE PRECISION",
    { kind: "setType", column: "c", type: { kind: "double" }, nullable: undefined },
    "and its long one",
  ],
  [
    "MODIFY COLUMN c BIGINT",
    { kind: "setType", column: "c", type: { kind: "bigint" }, nullable: undefined },
    "nullability stays",
  ],
  [
    "MODIFY c DECIMAL(20, 2) NOT NULL",
    { kind: "setType", column: "c", type: { kind: "decimal", precision: 20, scale: 2 }, nullable: false },
    "type and nullability at once",
  ],
  ["MODIFY c TEXT NULL", { kind: "setType", column: "c", type: { kind: "text" }, nullable: true }, ""],
  ["SET TBLPROPERTIES (ACCESS_LEVEL = 'PUBLIC')", { kind: "setAccessLevel", level: "public" }, ""],
  ["SET TBLPROPERTIES (DELETED_RETENTION_HOURS = 0)", { kind: "setDeletedRetention", hours: 0 }, ""],
  ["SET TBLPROPERTIES (deleted_retention_hours = '24')", { kind: "setDeletedRetention", hours: 24 }, ""],
  [
    "SET TBLPROPERTIES (DELETED_RETENTION_HOURS = DEFAULT)",
    { kind: "setDeletedRetention", hours: undefined },
    "the server's setting again",
  ],
  ["SET ACCESS LEVEL restricted", { kind: "setAccessLevel", level: "restricted" }, ""],
])("TB-09 %s", (text, expected) => {
  expect(actions(text)).toEqual([expected]);
});

test("TB-09 several actions keep their order, and commas inside brackets separate nothing", () => {
  expect(actions("ADD a DECIMAL(10, 2) DEFAULT 1.5, RENAME b TO c, DROP d").map((each) => Object(each).kind)).toEqual([
    "addColumn",
    "renameColumn",
    "dropColumn",
  ]);
});

test.each<[string, string, string]>([
  ["ADD COLUMN c INT PRIMARY KEY", "UNSUPPORTED", "ADD COLUMN … PRIMARY KEY is not supported"],
  ["ADD COLUMN c INT UNIQUE", "UNSUPPORTED", "ADD COLUMN … UNIQUE is not supported"],
  ["ADD COLUMN c INT CHECK (c > 1)", "UNSUPPORTED", "CHECK on column 'c' is not supported"],
  ["ADD COLUMN c EMBEDDING(0)", "INVALID_SQL", "EMBEDDING(n) needs 1 <= n <= 8192"],
  ["ADD COLUMN _seq INT", "INVALID_NAME", "Column name '_seq' is reserved and cannot be used"],
  ["ADD COLUMN c INT DEFAULT 'x'", "INVALID_VALUE", "Column 'c' expects INT"],
  ["ADD CONSTRAINT k CHECK (c > 1)", "UNSUPPORTED", "This form of ALTER TABLE is not supported"],
  ["DROP COLUMN c CASCADE", "UNSUPPORTED", "ALTER TABLE … CASCADE is not supported"],
  ["DROP COLUMN _deleted", "UNSUPPORTED", "Altering the system column '_deleted' is not supported"],
  ["RENAME COLUMN _seq TO a", "UNSUPPORTED", "Altering the system column '_seq' is not supported"],
  ["RENAME COLUMN a TO _seq", "INVALID_NAME", "Column name '_seq' is reserved"],
  ["RENAME TO u", "UNSUPPORTED", "ALTER TABLE … RENAME TO is not supported"],
  ["ALTER COLUMN c TYPE BIGINT USING c + 1", "UNSUPPORTED", "ALTER COLUMN … TYPE … USING is not supported"],
  ["MODIFY c BIGINT DEFAULT 5", "UNSUPPORTED", "MODIFY COLUMN with more than a type and NULL or NOT NULL"],
  ["SET TBLPROPERTIES (color = 'red')", "INVALID_SQL", "Unknown table property 'COLOR'"],
  ["SET TBLPROPERTIES (DELETED_RETENTION_HOURS = 1000001)", "INVALID_SQL", "DELETED_RETENTION_HOURS must be a whole"],
  ["SET ACCESS LEVEL secret", "INVALID_SQL", "ACCESS_LEVEL must be one of PUBLIC, PRIVATE, RESTRICTED, DBA"],
  ["CREATE VECTOR INDEX c", "UNSUPPORTED", "ALTER TABLE … CREATE INDEX is not supported"],
  ["DROP INDEX c", "UNSUPPORTED", "ALTER TABLE … DROP INDEX is not supported"],
  ["OWNER TO me", "INVALID_SQL", 'syntax error at or near "OWNER"'],
  ["", "INVALID_SQL", "syntax error at end of input"],
  ["ADD a INT,", "INVALID_SQL", "syntax error at end of input"],
])("TB-09 TB-12 ALTER TABLE t %s is refused with %s", (text, code, message) => {
  const refusal = refusalOf(`ALTER TABLE t ${text}`);
  expect(refusal.code).toBe(code);
  expect(refusal.message).toStartWith(message);
});

test("TB-09 a position counts from the start of the statement, whichever action it is in", () => {
  const sql = "ALTER TABLE t DROP b, ADD COLUMN c NUMBR";
  expect(refusalOf(sql).position).toBe(sql.indexOf("NUMBR"));
});
