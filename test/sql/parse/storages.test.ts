import { expect, test } from "bun:test";
import type { Statement } from "../../../src/sql/statement.ts";
import { parseOne, refusalOf } from "./harness.ts";

const CASES: readonly (readonly [string, Statement])[] = [
  [
    "CREATE STORAGE archive TYPE filesystem PATH '/mnt/archive'",
    {
      kind: "createStorage",
      ifNotExists: false,
      id: "archive",
      type: "filesystem",
      properties: { path: "/mnt/archive" },
    },
  ],
  [
    `create storage if not exists "far-1" type 'S3' NAME 'Far' DESCRIPTION 'it''s far' BUCKET 'b' REGION 'eu-1'
       SHARED_TABLES_TEMPLATE 's' USER_TABLES_TEMPLATE 'u' CREDENTIALS '{}' CONFIG '{"endpoint":"x"}'`,
    {
      kind: "createStorage",
      ifNotExists: true,
      id: "far-1",
      type: "s3",
      properties: {
        name: "Far",
        description: "it's far",
        bucket: "b",
        region: "eu-1",
        sharedTablesTemplate: "s",
        userTablesTemplate: "u",
        credentials: "{}",
        config: '{"endpoint":"x"}',
      },
    },
  ],
  [
    "ALTER STORAGE archive SET NAME 'a' SET DESCRIPTION 'b', SET USER_TABLES_TEMPLATE 'c'",
    {
      kind: "alterStorage",
      id: "archive",
      properties: { name: "a", description: "b", userTablesTemplate: "c" },
    },
  ],
  ["DROP STORAGE archive", { kind: "dropStorage", ifExists: false, id: "archive" }],
  ["DROP STORAGE IF EXISTS 'archive'", { kind: "dropStorage", ifExists: true, id: "archive" }],
  ["STORAGE CHECK archive", { kind: "checkStorage", id: "archive", extended: false }],
  ["STORAGE CHECK 'archive' EXTENDED", { kind: "checkStorage", id: "archive", extended: true }],
  ["SHOW STORAGES", { kind: "showStorages" }],
];

test.each([...CASES])("ST-07 %s is read", (sql, statement) => {
  expect<unknown>(parseOne(sql)).toEqual(statement);
});

test.each([
  ["CREATE STORAGE 'a/b' TYPE filesystem PATH 'x'", "INVALID_NAME"],
  ["CREATE STORAGE '../x' TYPE filesystem PATH 'x'", "INVALID_NAME"],
  [`CREATE STORAGE '${"x".repeat(65)}' TYPE filesystem PATH 'x'`, "INVALID_NAME"],
  ["CREATE STORAGE 'a;b' TYPE filesystem PATH 'x'", "INVALID_NAME"],
  ["CREATE STORAGE '' TYPE filesystem PATH 'x'", "INVALID_NAME"],
  ["CREATE STORAGE a TYPE tape PATH 'x'", "INVALID_SQL"],
  ["CREATE STORAGE a TYPE constructor PATH 'x'", "INVALID_SQL"],
  ["CREATE STORAGE a PATH 'x'", "INVALID_SQL"],
  ["CREATE STORAGE a TYPE filesystem PATH x", "INVALID_SQL"],
  ["CREATE STORAGE a TYPE filesystem PATH 'x' PATH 'y'", "INVALID_SQL"],
  ["CREATE STORAGE a TYPE filesystem PATH 'x' BASE_DIRECTORY 'y'", "INVALID_SQL"],
  ["CREATE STORAGE a TYPE filesystem COLOUR 'x'", "INVALID_SQL"],
  ["ALTER STORAGE a", "INVALID_SQL"],
  ["ALTER STORAGE a NAME 'x'", "INVALID_SQL"],
  ["DROP STORAGE a CASCADE", "INVALID_SQL"],
  ["STORAGE CHECK a FULLY", "INVALID_SQL"],
])("ST-07 %s is refused", (sql, code) => {
  expect(refusalOf(sql)).toMatchObject({ code });
});
