// btrim, ltrim and rtrim: characters of the second argument (a space without it) are cut from the ends. TRIM(…) in the text arrives as one of these.
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, type FunctionDefinition, overload } from "../definition.ts";
import { characters } from "./code-points.ts";

interface Ends {
  readonly start: boolean;
  readonly end: boolean;
}

function trimmed(text: string, cutSet: string, ends: Ends): string {
  const cut = new Set(cutSet);
  const kept = characters(text);
  let [from, to] = [0, kept.length];
  if (ends.start) while (from < to && cut.has(kept[from] ?? "")) from += 1;
  if (ends.end) while (to > from && cut.has(kept[to - 1] ?? "")) to -= 1;
  return kept.slice(from, to).join("");
}

function trimFunction(name: string, ends: Ends): FunctionDefinition {
  return defineFunction(name, [
    overload(["text"], TEXT, (text) => trimmed(text, " ", ends)),
    overload(["text", "text"], TEXT, (text, cutSet) => trimmed(text, cutSet, ends)),
  ]);
}

export const btrim = trimFunction("btrim", { start: true, end: true });
export const ltrim = trimFunction("ltrim", { start: true, end: false });
export const rtrim = trimFunction("rtrim", { start: false, end: true });
export const trim = trimFunction("trim", { start: true, end: true });
