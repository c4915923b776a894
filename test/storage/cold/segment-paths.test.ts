import { expect, test } from "bun:test";
import { normalize } from "node:path";
import fc from "fast-check";
import { parseUserId, type Scope, scopeOfUser, seqOf } from "../../../src/base/ids.ts";
import { BIGINT } from "../../../src/model/sql-type.ts";
import { localPlaces } from "../../../src/storage/cold/places.ts";
import { isSegmentFile, segmentPath } from "../../../src/storage/cold/segment-paths.ts";
import { userFolder } from "../../../src/storage/objects/user-folder.ts";
import { columnOf, SHARED, schemaOf } from "./arbitrary.ts";

const schema = schemaOf([columnOf(1, BIGINT)], { id: 42 });

test("ST-02 a segment's path names namespace, table with its id, owner and newest position", () => {
  const pathOf = (scope: Scope): string =>
    segmentPath(localPlaces("").folderOf(schema, scope), { maxSeq: seqOf(9n), tag: "5f0c61d2aa97", part: 1 });
  expect(pathOf(scopeOfUser(parseUserId("alice")))).toBe("chat/messages-42/alice/segment-9-5f0c61d2aa97-1.parquet");
  expect(pathOf(SHARED)).toBe("chat/messages-42/segment-9-5f0c61d2aa97-1.parquet");
  expect(isSegmentFile(pathOf(SHARED))).toBe(true);
  expect(isSegmentFile("chat/messages-42/segment-9.parquet")).toBe(true);
});

test.each([
  ["path separators climb out of the folder", "../../etc/passwd", "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd"],
  ["a lone dot is the folder itself", ".", "%2E"],
  ["a backslash separates on Windows", "a\\b", "a%5Cb"],
  ["a percent sign must not decode into another id", "a%2Fb", "a%252Fb"],
  ["a NUL ends a C string", "a\u0000b", "a%00b"],
  ["a colon names a stream on Windows", "urn:user:1", "urn%3Auser%3A1"],
  ["letters beyond ASCII go by their bytes", "zoë", "zo%C3%AB"],
  ["a tilde starts hashed names only", "~abc", "%7Eabc"],
  ["plain ids stay readable", "user_01-A", "user_01-A"],
])("TB-03 user folder: %s", (_why, user, folder) => {
  expect(userFolder(user)).toBe(folder);
});

test("TB-03 no two users share a folder and none leaves it, however long or strange the ids", () => {
  const id = fc.string({ unit: "binary", minLength: 1, maxLength: 300 }).map((text) => text.toWellFormed());
  fc.assert(
    fc.property(id, id, (a, b) => {
      const folder = userFolder(a);
      expect(folder).toMatch(/^[A-Za-z0-9_%~-]{1,200}$/);
      expect(normalize(`root/${folder}/file`)).toBe(`root/${folder}/file`);
      expect(folder === userFolder(b)).toBe(a === b);
    }),
  );
});
