import { INT } from "../../../model/sql-type.ts";
import { alias, defineFunction, overload } from "../definition.ts";
import { codePointLength } from "./code-points.ts";

const sqlite = (args: readonly string[]): string => `length(${args.join()})`;

/** Characters of text, bytes of bytes. */
export const length = defineFunction("length", [
  overload(["text"], INT, codePointLength, { sqlite }),
  overload(["bytes"], INT, (bytes) => bytes.length, { sqlite }),
]);

const textLength = defineFunction("char_length", [overload(["text"], INT, codePointLength, { sqlite })]);
export const charLength = textLength;
export const characterLength = alias("character_length", textLength);
