// The format of sqllogictest: records separated by empty lines, `statement ok`, `statement error` and `query <types> [<sort>]` with the answer below `----`, one value a
// line or, when there are many, their number and MD5. https://sqlite.org/sqllogictest describes it; labels and conditions are not used here.

export type Sort = "nosort" | "rowsort" | "valuesort";

export type SqlRecord =
  | { readonly kind: "statement"; readonly line: number; readonly sql: string; readonly succeeds: boolean }
  | {
      readonly kind: "query";
      readonly line: number;
      readonly sql: string;
      /** A letter for each column: I, R or T. */
      readonly types: string;
      readonly sort: Sort;
      readonly expected: readonly string[];
    };

/** More values are written as their hash. */
const MAX_VALUES = 12;

export function parseScript(text: string): SqlRecord[] {
  const records: SqlRecord[] = [];
  let line = 1;
  for (const block of text.split(/\n\n(?!\n)/)) {
    const lines = block.split("\n").filter((part) => part !== "" && !part.startsWith("#"));
    const [head = "", ...body] = lines;
    const start = line;
    line += block.split("\n").length + 1;
    if (head.trim() === "") continue;
    records.push(parseRecord(head.split(/\s+/), body, start));
  }
  return records;
}

function parseRecord(
  [kind, first = "", sort = "nosort"]: readonly string[],
  body: readonly string[],
  line: number,
): SqlRecord {
  if (kind === "statement") return { kind, line, sql: body.join("\n").trim(), succeeds: first === "ok" };
  const end = body.indexOf("----");
  if (kind !== "query" || end < 0) throw new Error(`line ${line}: no record`);
  if (sort !== "nosort" && sort !== "rowsort" && sort !== "valuesort")
    throw new Error(`line ${line}: sort mode ${sort}`);
  const expected = body.slice(end + 1).filter((value) => value !== "");
  return { kind, line, sql: body.slice(0, end).join("\n"), types: first, sort, expected };
}

/** The values of an answer as a script has them. */
export function answerOf(rows: readonly (readonly string[])[], sort: Sort): readonly string[] {
  const sorted = sort === "rowsort" ? rows.toSorted((a, b) => compare(a.join("\n"), b.join("\n"))) : rows;
  const values = sorted.flat();
  const listed = sort === "valuesort" ? values.toSorted(compare) : values;
  if (listed.length <= MAX_VALUES) return listed;
  const hash = new Bun.CryptoHasher("md5").update(listed.map((value) => `${value}\n`).join("")).digest("hex");
  return [`${listed.length} values hashing to ${hash}`];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** NULL, empty text, booleans as digits, and fractions with three digits, as the format has them. */
export function valueText(value: unknown, type: string): string {
  if (value === null) return "NULL";
  if (value === "") return "(empty)";
  if (typeof value === "boolean") return value ? "1" : "0";
  if (type === "R") return Number(value).toFixed(3);
  return typeof value === "string" ? value : JSON.stringify(value);
}
