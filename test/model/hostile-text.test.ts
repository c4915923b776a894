// AU-04: whoever may send a value may send any text for it, and it is read on the thread that serves everybody. Each text here took minutes while some pattern could match it
// in several ways: a reader that takes the square of the length does not get through.
import { expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { parseInterval } from "../../src/model/parse-interval.ts";
import { INT, type SqlType, TEXT, type TypeKind } from "../../src/model/sql-type.ts";
import { TYPES } from "../../src/model/types.ts";

const LENGTH = 256 * 1024;

/** Beginning, what is repeated, end. */
const SHAPES: readonly (readonly [string, string, string])[] = [
  ["", "1", "x"],
  ["", " ", "x"],
  ["", ".", "x"],
  ["", "-", "x"],
  ["", "1 ", "x"],
  ["", "00:", "x"],
  ["1.", "1", "x"],
  ["1e", "1", "x"],
  ["2020-01-01", " ", "x"],
  ["2020-01-01 00:00:00", " ", "x"],
  ["P", "1D", "x"],
  ["\\x", "a", "z"],
  ["{a", " ", "b}"],
  ["{", " ", "x{}"],
  ["{a", "\\ ", "}"],
  ['{"', "a", "}"],
  ["{", "a,", "}"],
];

const typeOf = (kind: TypeKind): SqlType => {
  if (kind === "decimal") return { kind, precision: 10, scale: 2 };
  if (kind === "embedding") return { kind, dimensions: 3 };
  if (kind === "array") return { kind, element: TEXT };
  return { kind };
};

const READERS: readonly (readonly [string, (text: string) => unknown])[] = [
  ...Object.entries(TYPES).map(
    ([kind, { parse }]) => [kind, (text: string) => parse(text, typeOf(kind as TypeKind))] as const,
  ),
  ["array of integers", (text) => TYPES.array.parse(text, { kind: "array", element: INT })],
  ["interval with fields", (text) => parseInterval(text, ["day", "second"])],
];

test.each(READERS)("AU-04 %s: a long text is read or refused in a time that its length bounds", (_type, read) => {
  for (const [beginning, middle, end] of SHAPES) {
    const text = beginning + middle.repeat(LENGTH / middle.length) + end;
    expect(() => readOrRefuse(read, text)).not.toThrow();
  }
});

function readOrRefuse(read: (text: string) => unknown, text: string): void {
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
  }
}
