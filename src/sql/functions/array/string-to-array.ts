// string_to_array: text parted by a separator, NULL parting every character, the empty separator nothing.
import { arrayOfCells } from "../../../model/array.ts";
import { arrayOf, type Cell, TEXT } from "../../../model/sql-type.ts";
import { defineFunction, type Evaluator, type Overload } from "../definition.ts";

const split: Evaluator = (text: Cell = null, separator: Cell = null, forNull: Cell = null) => {
  if (text === null) return null;
  const whole = String(text);
  if (whole === "") return "";
  const parts = separator === null ? Array.from(whole) : separator === "" ? [whole] : whole.split(String(separator));
  return arrayOfCells(
    parts.map((part) => (part === forNull ? null : part)),
    "text",
  );
};

function overloadOf(args: Overload["args"]): Overload {
  return { args, variadic: false, returns: () => arrayOf(TEXT), prepare: () => split, sqlite: undefined };
}

export const stringToArray = defineFunction(
  "string_to_array",
  [overloadOf(["text", "text"]), overloadOf(["text", "text", "text"])],
  { strict: false },
);
