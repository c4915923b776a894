// Results as text: borders, alignment, exact values, nothing that a terminal would act on.
import { expect, test } from "bun:test";
import { cellText } from "../../src/cli/cell-text.ts";
import { csvText, jsonText } from "../../src/cli/export-format.ts";
import { safeLine, safeText } from "../../src/cli/safe-text.ts";
import { expandedText, PLAIN_STYLE, tableText } from "../../src/cli/table-format.ts";
import { cutToWidth, expandTabs, textWidth } from "../../src/cli/text-width.ts";
import type { Column, Value } from "../../src/link/index.ts";

const column = (name: string, type: string): Column => ({ name, type, isPrimaryKey: false, nullable: true });

function table(columns: readonly Column[], ...values: readonly (readonly Value[])[]): string {
  return tableText({ columns, values }, PLAIN_STYLE);
}

test("CL-03 numbers stand right, text left, NULL is shown, wide characters are counted as they are seen", () => {
  const columns = [column("id", "BigInt"), column("body", "Text")];
  expect(table(columns, [1n, "日本"], [200n, "👩‍👩‍👧‍👦 é"], [-3n, null])).toBe(
    [
      "+-----+------+",
      "| id  | body |",
      "+-----+------+",
      "|   1 | 日本 |",
      "| 200 | 👩‍👩‍👧‍👦 é |",
      "|  -3 | NULL |",
      "+-----+------+",
      "",
    ].join("\n"),
  );
});

test("CL-03 a cell of several lines goes on below, marked", () => {
  expect(table([column("id", "Int"), column("t", "Text")], [1, "a\nbb"])).toBe(
    ["+----+----+", "| id | t  |", "+----+----+", "|  1 | a +|", "|    | bb |", "+----+----+", ""].join("\n"),
  );
});

test("CL-03 expanded, each column has its line", () => {
  const columns = [column("id", "Int"), column("body", "Text")];
  expect(
    expandedText(
      {
        columns,
        values: [
          [1, "a\nb"],
          [2, null],
        ],
      },
      PLAIN_STYLE,
    ),
  ).toBe(
    [
      "-[ RECORD 1 ]+----------",
      "id           | 1",
      "body         | a",
      "             : b",
      "-[ RECORD 2 ]+----------",
      "id           | 2",
      "body         | NULL",
      "",
    ].join("\n"),
  );
});

test.each([
  ["clears the screen", "a\u001b[2Jb", "a\\x1B[2Jb"],
  ["sets the title", "\u001b]0;evil\u0007", "\\x1B]0;evil\\x07"],
  ["an eight-bit escape", "\u009b31m", "\\x9B31m"],
  ["reorders what is read", "user\u202e drowssap", "user\\u202E drowssap"],
  ["goes back over what was written", "good\rbad\b", "good\\x0Dbad\\x08"],
  ["invisible", "a\u2060\ufeffb", "a\\u2060\\uFEFFb"],
  ["half a character", "a\ud800b", "a\\uD800b"],
  ["separates lines", "a\u2028b", "a\\u2028b"],
])("CL-03 data that %s is shown in letters", (_why, text, expected) => {
  expect(safeText(text)).toBe(expected);
  expect(table([column(text, "Text")], [text])).not.toContain(text);
});

test("CL-03 what only looks like trouble stays as it is", () => {
  for (const text of ["日本 é", "👩‍👩‍👧‍👦", "نامه‌ای", "a\tb\nc"]) expect(safeText(text)).toBe(text);
  expect(safeLine("a\tb\nc")).toBe("a\\tb\\nc");
});

test.each<readonly [string, Value, string, string]>([
  ["BIGINT", 9_223_372_036_854_775_807n, "BigInt", "9223372036854775807"],
  ["TIMESTAMP", 1_704_067_200_500_000, "Timestamp", "2024-01-01 00:00:00.5"],
  ["DATETIME", 1_709_209_800_000_000, "DateTime", "2024-02-29 12:30:00+00"],
  ["DATE", 19_782, "Date", "2024-02-29"],
  ["TIME", 45_000_500_000, "Time", "12:30:00.5"],
  ["BYTES", Uint8Array.of(0, 255), "Bytes", "\\x00ff"],
  ["DECIMAL", "12.50", "Decimal(12,2)", "12.50"],
  ["EMBEDDING", [0.5, 1], "Embedding(2)", "[0.5,1]"],
  ["an array", ["a b", null, "x"], "Array(Text)", '{"a b",NULL,x}'],
  ["BOOLEAN", true, "Boolean", "true"],
])("CL-03 %s is shown as a cast to TEXT gives it", (_type, value, type, expected) => {
  expect(cellText(value, type)).toBe(expected);
});

test("CL-03 JSON keeps every digit and every member", () => {
  const columns = [
    column("id", "BigInt"),
    column("n", "Int"),
    column("j", "Json"),
    column("d", "Decimal(30,2)"),
    column("x", "Double"),
  ];
  const text = jsonText(columns, [
    [9_007_199_254_740_993n, 7, '{"a": 1.10,\n"a":12345678901234567890}', "1.10", 0.5],
    [null, null, null, null, null],
  ]);
  expect(text).toBe(
    '[{"id":"9007199254740993","n":7,"j":{"a": 1.10, "a":12345678901234567890},"d":"1.10","x":0.5},\n{"id":null,"n":null,"j":null,"d":null,"x":null}]\n',
  );
});

test("CL-03 JSON holds no character that a terminal acts on, and means the same", () => {
  const text = "\u001b[2J\u009b31m\u202e\u007f";
  const json = jsonText([column("t", "Text")], [[text]]);
  expect(json).toMatch(/^[\x20-\x7e\n]*$/);
  expect(JSON.parse(json)).toEqual([{ t: text }]);
});

test("CL-03 CSV tells NULL from an empty text and quotes what needs it", () => {
  const columns = [column("a", "Text"), column("b,c", "Text")];
  expect(
    csvText(columns, [
      [null, ""],
      ['say "hi"', "a\nb"],
      [" x", "y"],
    ]),
  ).toBe('a,"b,c"\n,""\n"say ""hi""","a\nb"\n" x",y\n');
});

test("CL-03 widths: tabs go to their stops, what is cut ends in an ellipsis and never in half a character", () => {
  expect(expandTabs("a\tb")).toBe("a       b");
  expect(cutToWidth("日本語", 4)).toBe("日…");
  expect(textWidth(cutToWidth("👩‍👩‍👧‍👦👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 5))).toBeLessThanOrEqual(5);
});
