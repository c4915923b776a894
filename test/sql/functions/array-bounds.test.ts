// AU-04: what a short statement would make of long values is measured before it is made: it is refused, and takes no memory.
import { expect, test } from "bun:test";
import { arrayOfCells } from "../../../src/model/array.ts";
import { arrayFill, arrayReplace } from "../../../src/sql/functions/array/array-search.ts";
import { arrayToString } from "../../../src/sql/functions/array/array-to-string.ts";
import type { FunctionDefinition } from "../../../src/sql/functions/definition.ts";
import { generators } from "./expressions.ts";

const LONG = "x".repeat(512 * 1024);
const MANY = arrayOfCells(
  Array.from({ length: 128 * 1024 }, () => "a"),
  "text",
);
const ONE_LONG = arrayOfCells([LONG], "text");

test.each<readonly [string, FunctionDefinition, readonly (string | number)[], string]>([
  ["a separator", arrayToString, [MANY, LONG], "requested length too large"],
  [
    "a text for NULL",
    arrayToString,
    [
      arrayOfCells(
        Array.from({ length: 128 * 1024 }, () => null),
        "text",
      ),
      ",",
      LONG,
    ],
    "requested length too large",
  ],
  [
    "an element in the place of others",
    arrayReplace,
    [MANY, arrayOfCells(["a"], "text"), ONE_LONG],
    "an array is too large",
  ],
  ["copies of an element", arrayFill, [ONE_LONG, 1_000_000], "an array is too large"],
])(
  "AU-04 %s between or for many elements is refused before it is written out",
  (_what, { overloads }, args, message) => {
    const overload = overloads.find((one) => one.args.length === args.length);
    expect(() => overload?.prepare([], generators)(...args)).toThrow(
      expect.objectContaining({ code: "SQL_EXECUTION_ERROR", message: expect.stringContaining(message) }),
    );
  },
);
