// What Tab offers.
import { expect, test } from "bun:test";
import { catalogOf } from "../../src/cli/catalog.ts";
import { commonPrefix, completionOf } from "../../src/cli/completion.ts";

const CATALOG = catalogOf(
  [
    ["chat", "messages", "id"],
    ["chat", "messages", "body"],
    ["chat", "messages", "_seq"],
    ["chat", "members", "name"],
    ["shop", "orders", "total"],
  ],
  ["chat", "empty"],
);

/** With the cursor at `|`, or at the end. */
function offered(marked: string, namespace: string | undefined = "chat"): readonly string[] {
  const cursor = marked.includes("|") ? marked.indexOf("|") : marked.length;
  const text = marked.replace("|", "");
  return completionOf({ text, cursor, catalog: CATALOG, namespace, commands: ["\\d", "\\dt", "\\timing"] }).candidates;
}

test.each<readonly [string, string, readonly string[]]>([
  ["keywords in the case that is typed", "sele", ["select"]],
  ["keywords in upper case", "SUBS", ["SUBSCRIBE TO"]],
  ["tables of the namespace behind FROM", "SELECT * FROM me", ["members", "messages"]],
  ["tables of another namespace", "SELECT * FROM shop.", ["shop.orders"]],
  ["namespaces behind FROM", "SELECT * FROM sh", ["shop."]],
  ["columns of a table that comes later", "SELECT bo| FROM messages", ["body"]],
  ["columns by alias, those of the database last", "SELECT m.| FROM messages m", ["m.body", "m.id", "m._seq"]],
  ["columns by the table's whole name", "SELECT chat.members.", ["chat.members.name"]],
  ["tables of SUBSCRIBE TO", "SUBSCRIBE TO mem", ["members"]],
  ["namespaces of USE", "USE ", ["chat", "empty", "shop"]],
  ["commands", "\\d", ["\\d", "\\dt"]],
  ["a command behind a statement", "SELECT 1 \\ti", ["\\timing"]],
  ["tables of commands", "\\d mem", ["members"]],
  ["nothing in a string", "SELECT 'sele", []],
  ["nothing in a comment", "-- sele", []],
  ["what follows a string", "SELECT 'x' fro", ["from"]],
])("CL-03 completion: %s", (_why, text, expected) => {
  expect(offered(text)).toEqual(expected);
});

test("CL-03 as much is filled in as all candidates share, whatever their case", () => {
  expect(commonPrefix(["messages", "members"])).toBe("me");
  expect(commonPrefix(["Body", "bold"])).toBe("Bo");
  expect(commonPrefix([])).toBe("");
});
