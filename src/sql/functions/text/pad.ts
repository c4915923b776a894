// lpad and rpad: filled up to a number of characters, or cut to it.
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, overload } from "../definition.ts";
import { codePointLength, codePointSlice } from "./code-points.ts";
import { assertTextLength } from "./limit.ts";

type Padding = (text: string, length: number, fill: string) => string;

function padding(join: (text: string, filling: string) => string): Padding {
  return (text, length, fill) => {
    assertTextLength(length);
    const missing = length - codePointLength(text);
    if (missing <= 0) return codePointSlice(text, 0, length);
    if (fill === "") return text;
    const repeats = Math.ceil(missing / codePointLength(fill));
    return join(text, codePointSlice(fill.repeat(repeats), 0, missing));
  };
}

function padFunction(name: string, pad: Padding): FunctionDefinition {
  const overloads = [
    overload(["text", "int"], TEXT, (text, length) => pad(text, length, " ")),
    overload(["text", "int", "text"], TEXT, pad),
  ];
  // As `repeat`: a number decides how much is made.
  return defineFunction(name, overloads, { bounded: false });
}

export const lpad = padFunction(
  "lpad",
  padding((text, filling) => filling + text),
);
export const rpad = padFunction(
  "rpad",
  padding((text, filling) => text + filling),
);
