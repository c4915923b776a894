// `:name` in a statement, as psql has it: the value of a variable that was set, as text of the statement, as a string or as a name.
import { skipQuoted } from "./sql-lexer.ts";

const REFERENCE = /:(?:(\w+)|'(\w+)'|"(\w+)")/y;

/** What is no variable stays: `::text` is a cast, and `:other` the server's to complain about. */
export function interpolated(sql: string, variables: ReadonlyMap<string, string>): string {
  if (variables.size === 0 || !sql.includes(":")) return sql;
  let text = "";
  for (let at = 0; at < sql.length; ) {
    const reference = sql[at] === ":" && sql[at - 1] !== ":" ? referenceAt(sql, at, variables) : undefined;
    const next = at + (reference?.length ?? 0);
    if (reference !== undefined) {
      text += reference.value;
      at = next;
      continue;
    }
    const end = skipQuoted(sql, at)?.next ?? at + 1;
    text += sql.slice(at, end);
    at = end;
  }
  return text;
}

interface Reference {
  readonly value: string;
  readonly length: number;
}

function referenceAt(sql: string, at: number, variables: ReadonlyMap<string, string>): Reference | undefined {
  REFERENCE.lastIndex = at;
  const match = REFERENCE.exec(sql);
  if (match === null) return undefined;
  const [whole, plain, literal, name] = match;
  const value = variables.get(plain ?? literal ?? name ?? "");
  if (value === undefined) return undefined;
  if (literal !== undefined) return { value: quotedLiteral(value), length: whole.length };
  return { value: name === undefined ? value : quotedName(value), length: whole.length };
}

export function quotedLiteral(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}

export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
