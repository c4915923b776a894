import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload } from "../definition.ts";

const WORD = /[\p{L}\p{N}]+/gu;

function capitalised(word: string): string {
  const [first = "", ...rest] = word;
  return first.toUpperCase() + rest.join("").toLowerCase();
}

export const initcap = defineFunction("initcap", [
  overload(["text"], TEXT, (text) => text.replaceAll(WORD, capitalised)),
]);
