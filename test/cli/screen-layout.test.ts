// Where the typed text stands on the screen.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { inColumns } from "../../src/cli/line-reader.ts";
import { layoutOf } from "../../src/cli/screen-layout.ts";

const BASE = { prompt: "p> ", continuation: "-> ", lastContinuation: "'> ", columns: 10, maxRows: 5 };

test("CL-03 long lines wrap, wide characters go whole to the next row, the cursor is where it is seen", () => {
  expect(layoutOf({ ...BASE, text: "abcdefghij", cursor: 8 })).toEqual({
    rows: ["p> abcdefg", "hij"],
    cursorRow: 1,
    cursorColumn: 1,
  });
  expect(layoutOf({ ...BASE, text: "abcdef日", cursor: 7 })).toEqual({
    rows: ["p> abcdef", "日"],
    cursorRow: 1,
    cursorColumn: 2,
  });
});

test("CL-03 behind a full row the cursor stands on the next", () => {
  expect(layoutOf({ ...BASE, text: "abcdefg", cursor: 7 })).toEqual({
    rows: ["p> abcdefg", ""],
    cursorRow: 1,
    cursorColumn: 0,
  });
});

test("CL-03 each line has its prompt, the last one says what is open", () => {
  expect(layoutOf({ ...BASE, text: "a\nb\nc", cursor: 2 })).toEqual({
    rows: ["p> a", "-> b", "'> c"],
    cursorRow: 1,
    cursorColumn: 3,
  });
});

test("CL-03 of a text higher than the screen the part around the cursor is shown", () => {
  const text = Array.from({ length: 20 }, (_none, index) => String(index)).join("\n");
  const top = layoutOf({ ...BASE, text, cursor: 0 });
  const bottom = layoutOf({ ...BASE, text, cursor: text.length });
  expect([top.rows.length, top.cursorRow, bottom.rows.length, bottom.cursorRow]).toEqual([5, 0, 5, 4]);
  expect(bottom.rows.at(-1)).toBe("'> 19");
});

test("CL-03 what is typed cannot act on the terminal either", () => {
  expect(layoutOf({ ...BASE, columns: 40, text: "a\u009bb\u202e", cursor: 0 }).rows).toEqual(["p> a\\x9Bb\\u202E"]);
});

test("CL-03 no row is wider than the terminal, and the cursor is on one of them", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "日", "\n", "\t", "é", "\u0007") }),
      fc.integer({ min: 8, max: 30 }),
      (text, columns) => {
        const { rows, cursorRow, cursorColumn } = layoutOf({ ...BASE, columns, text, cursor: text.length });
        return (
          rows.every((row) => Bun.stringWidth(row) <= columns) && cursorRow < rows.length && cursorColumn < columns
        );
      },
    ),
  );
});

test("CL-03 candidates are listed down and then to the right, and counted when they do not fit", () => {
  expect(inColumns(["a", "b", "c", "d", "e"], { columns: 6, maxRows: 9 })).toEqual(["a  d", "b  e", "c"]);
  expect(inColumns(["a", "b", "c"], { columns: 3, maxRows: 2 })).toEqual(["a", "b", "… 3 in all"]);
});
