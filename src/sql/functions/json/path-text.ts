// PostgreSQL's text form of a path: `{a,0,"b c"}`.
import { DbError } from "../../../base/errors.ts";

const ELEMENT = /\s*(?:"((?:[^"\\]|\\.)*)"|([^",{}\\\s](?:[^",{}\\]*[^",{}\\\s])?))\s*(,|$)/gsy;

export function parsePath(text: string): readonly string[] {
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1];
  if (body === undefined) throw malformed(text);
  if (body.trim() === "") return [];
  const steps: string[] = [];
  let [at, expectsMore] = [0, true];
  for (const match of body.matchAll(ELEMENT)) {
    const [whole, quoted, bare = "", separator] = match;
    steps.push(quoted === undefined ? bare : quoted.replaceAll(/\\(.)/gs, "$1"));
    at = match.index + whole.length;
    expectsMore = separator === ",";
    if (!expectsMore) break;
  }
  if (at !== body.length || expectsMore) throw malformed(text);
  return steps;
}

function malformed(text: string): DbError {
  return new DbError("SQL_EXECUTION_ERROR", `malformed array literal: ${JSON.stringify(text)}`, {
    hint: "A path is written '{key,0,key}'.",
  });
}
