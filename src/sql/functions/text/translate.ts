import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { characters } from "./code-points.ts";

/** What each character of `from` becomes: its place in `to`, or nothing. The first of a repeated one counts. */
function replacements(from: string, to: string): ReadonlyMap<string, string> {
  const targets = characters(to);
  const byCharacter = new Map<string, string>();
  for (const [index, character] of characters(from).entries()) {
    if (!byCharacter.has(character)) byCharacter.set(character, targets[index] ?? "");
  }
  return byCharacter;
}

export const translate = defineFunction("translate", [
  preparedOverload(["text", "text", "text"], TEXT, () => {
    const table = memoizeLast((from = "", to = "") => replacements(from, to));
    return (text, from, to) => {
      const byCharacter = table(from, to);
      return Array.from(text, (character) => byCharacter.get(character) ?? character).join("");
    };
  }),
]);
