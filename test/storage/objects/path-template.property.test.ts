import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseName, parseUserId, SHARED_SCOPE, scopeOfUser, tableIdOf } from "../../../src/base/ids.ts";
import { isKey } from "../../../src/storage/objects/object-store.ts";
import { folderOf, parseTemplate, shardOf, tableFolderOf } from "../../../src/storage/objects/path-template.ts";
import { failureOf } from "../open-test-store.ts";

const notes = { namespace: parseName("chat"), name: parseName("notes"), id: tableIdOf(7) };
const alice = scopeOfUser(parseUserId("Alice"));

test.each([
  ["{namespace}/{tableName}", "shared", "chat/notes-7"],
  ["ns={namespace}/t={tableName}", "shared", "ns=chat/t=notes-7"],
  ["cold.v1/{namespace_id}/{table_name}/data", "shared", "cold.v1/chat/notes-7/data"],
] as const)("ST-07 the template %p puts a shared table's files in %p", (template, kind, folder) => {
  expect(folderOf(parseTemplate(template, kind), notes, SHARED_SCOPE)).toBe(folder);
});

test.each([
  ["{namespace}/{tableName}/{userId}", "chat/notes-7/Alice"],
  ["{namespace}/{tableName}/{shard}/{userId}", "chat/notes-7/a/Alice"],
  ["{namespace}/{table_name}/shard={shard}/user={user_id}", "chat/notes-7/shard=a/user=Alice"],
])("ST-07 the template %p puts a user's files in %p", (template, folder) => {
  expect(folderOf(parseTemplate(template, "user"), notes, alice)).toBe(folder);
});

test("ST-07 shards are alphabetic: the first letter or digit, and one for all else", () => {
  expect(["alice", "Zoe", "7up", "_x", "é", "-", "😀"].map(shardOf)).toEqual(["a", "z", "7", "_", "_", "_", "_"]);
});

test("ST-07 a table's folder is what all its users' folders begin with", () => {
  const template = parseTemplate("v1/{namespace}/{tableName}/{shard}/{userId}", "user");
  expect(tableFolderOf(template, notes)).toBe("v1/chat/notes-7");
  expect(folderOf(template, notes, alice).startsWith("v1/chat/notes-7/")).toBe(true);
});

test.each([
  ["", "user"],
  ["{namespace}/{tableName}", "user"],
  ["{tableName}/{namespace}/{userId}", "user"],
  ["{namespace}/{userId}/{tableName}", "user"],
  ["{namespace}/{tableName}/{userId}/{shard}", "user"],
  ["{namespace}/{tableName}/{userId}/{userId}", "user"],
  ["{namespace}/{tableName}{userId}", "user"],
  ["{namespace}/{tableName}-x/{userId}", "user"],
  ["{namespace}/{tableName}/{userId}x", "user"],
  ["{namespace}/{tableName}/{password}", "user"],
  ["{namespace}/{tableName}/{constructor}/{userId}", "user"],
  ["{namespace}/{tableName}/{userId", "user"],
  ["{namespace}", "shared"],
  ["{tableName}", "shared"],
  ["{namespace}/{tableName}/{userId}", "shared"],
  ["{namespace}/{tableName}/{shard}", "shared"],
  ["/{namespace}/{tableName}", "shared"],
  ["{namespace}/{tableName}/", "shared"],
  ["{namespace}//{tableName}", "shared"],
  ["../{namespace}/{tableName}", "shared"],
  ["{namespace}/../{tableName}", "shared"],
  ["..{namespace}/{tableName}", "shared"],
  [".hidden/{namespace}/{tableName}", "shared"],
  ["a\\b/{namespace}/{tableName}", "shared"],
  ["a\0/{namespace}/{tableName}", "shared"],
  ["å/{namespace}/{tableName}", "shared"],
  ["@far/{namespace}/{tableName}", "shared"],
  [`{namespace}/{tableName}/${"x".repeat(51)}`, "shared"],
  ["%2E%2E/{namespace}/{tableName}", "shared"],
  [`${"x/".repeat(20)}{namespace}/{tableName}`, "shared"],
  [`${"x".repeat(300)}/{namespace}/{tableName}`, "shared"],
] as const)("AU-05 the template %p is refused for a %s table", async (template, kind) => {
  const refused = await failureOf(Promise.resolve().then(() => parseTemplate(template, kind)));
  expect(refused).toMatchObject({ code: "INVALID_INPUT" });
});

const TEMPLATES = ["{namespace}/{tableName}/{userId}", "x={namespace}/{tableName}/{shard}/u={userId}"].map((text) =>
  parseTemplate(text, "user"),
);

/** Ids that the server takes, and worse. */
const userIds = fc.oneof(
  fc.string({ minLength: 1, maxLength: 300, unit: "grapheme" }),
  fc.constantFrom(
    "..",
    ".",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "a\0b",
    "%2E%2E",
    "~",
    "CON",
    " ",
    "@far",
    "x".repeat(5_000),
  ),
);

test("AU-05 whatever a user is called, the folder is a key below the table's, and no two users share one", () => {
  fc.assert(
    fc.property(userIds, userIds, fc.constantFrom(...TEMPLATES), (one, other, template) => {
      // A scope is made without the checks on user ids: the template must hold without them.
      const [first, second] = [one, other].map((id) => folderOf(template, notes, id as typeof alice));
      expect(isKey(first ?? "")).toBe(true);
      expect(first?.startsWith(`${tableFolderOf(template, notes)}/`)).toBe(true);
      expect(first === second).toBe(one === other);
    }),
    { numRuns: 500 },
  );
});
