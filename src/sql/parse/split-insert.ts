// A long INSERT … VALUES cut at its rows, by its tokens alone, so that it can be read in parts. Anything that does not look like one is left to the parser, which also
// words what is wrong with it.
import { endOfToken, endOfTrivia, UNTERMINATED } from "../../model/lexical.ts";

/** A shorter text is read in a few milliseconds. */
const MIN_CHARACTERS = 8 * 1024;
const INSERTS = /^[\s;]*(?:insert|upsert)\s/i;

/** Worth to be read in parts, if it can be. */
export function isLongInsert(sql: string): boolean {
  return sql.length >= MIN_CHARACTERS && INSERTS.test(sql);
}

export interface RowSpan {
  /** Of its opening bracket. */
  readonly start: number;
  /** After its closing bracket. */
  readonly end: number;
}

export interface InsertParts {
  readonly source: string;
  readonly rows: readonly RowSpan[];
  /** Where what follows the rows begins: ON CONFLICT, RETURNING, or the end. */
  readonly tail: number;
}

/** A part of the statement: whole rows of it, between what is before the first and what is after the last. */
export interface InsertPart {
  readonly text: string;
  readonly firstRow: number;
  readonly rows: number;
  /** A place in `text` as a place in the source. */
  readonly toSource: (position: number) => number;
}

interface Token {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Undefined: a quote or comment is not closed. The text of the end is empty. */
function nextToken(source: string, at: number): Token | undefined {
  const start = endOfTrivia(source, at);
  if (start === UNTERMINATED) return undefined;
  if (start >= source.length) return { start, end: start, text: "" };
  const end = endOfToken(source, start);
  return end === UNTERMINATED ? undefined : { start, end, text: source.slice(start, end) };
}

const ROWS_PER_STEP = 256;
/** What follows the rows belongs to every part. */
const MAX_TAIL_LENGTH = 2_000;
const MAX_HEAD_TOKENS = 2_100;

/** Yields where it can be interrupted. Undefined: no INSERT … VALUES with rows. */
export function* splitInsert(source: string): Generator<undefined, InsertParts | undefined, undefined> {
  const values = endOfHead(source);
  if (values === undefined) return undefined;
  const rows: RowSpan[] = [];
  for (let at = values; ; ) {
    const row = rowAt(source, at);
    const after = row === undefined ? undefined : nextToken(source, row.end);
    if (row === undefined || after === undefined) return undefined;
    rows.push(row);
    if (after.text !== ",") return isTail(source, after) ? { source, rows, tail: after.start } : undefined;
    at = after.end;
    if (rows.length % ROWS_PER_STEP === 0) yield;
  }
}

/** Where the rows begin. Before VALUES stand names, and a list of columns in brackets. */
function endOfHead(source: string): number | undefined {
  let depth = 0;
  let at = 0;
  for (let count = 0; count < MAX_HEAD_TOKENS; count += 1) {
    const token = nextToken(source, at);
    if (token === undefined || token.text === "" || token.text === ";") return undefined;
    const word = token.text.toUpperCase();
    if (count === 0 && word !== "INSERT" && word !== "UPSERT") return undefined;
    if (count === 1 && word !== "INTO") return undefined;
    if (token.text === "(") depth += 1;
    if (token.text === ")") depth -= 1;
    if (depth === 0 && word === "VALUES") return token.end;
    if (word === "SELECT") return undefined;
    at = token.end;
  }
  return undefined;
}

function rowAt(source: string, at: number): RowSpan | undefined {
  const open = nextToken(source, at);
  if (open?.text !== "(") return undefined;
  let depth = 1;
  for (let end = open.end; ; ) {
    const token = nextToken(source, end);
    if (token === undefined || token.text === "") return undefined;
    end = token.end;
    if (token.text === "(") depth += 1;
    if (token.text !== ")") continue;
    depth -= 1;
    if (depth === 0) return { start: open.start, end };
  }
}

/** Whether the statement ends there, or in a clause of its own, and nothing follows it. */
function isTail(source: string, first: Token): boolean {
  if (source.length - first.start > MAX_TAIL_LENGTH) return false;
  const word = first.text.toUpperCase();
  if (word !== "" && word !== ";" && word !== "ON" && word !== "RETURNING") return false;
  for (let token: Token | undefined = first; token !== undefined; token = nextToken(source, token.end)) {
    if (token.text === "") return true;
    if (token.text === ";") return nextToken(source, token.end)?.text === "";
  }
  return false;
}

export function* insertParts(
  { source, rows, tail }: InsertParts,
  rowsPerPart: number,
): Generator<InsertPart, undefined, undefined> {
  const head = source.slice(0, rows[0]?.start ?? 0);
  const end = source.slice(tail);
  for (let firstRow = 0; firstRow < rows.length; firstRow += rowsPerPart) {
    const some = rows.slice(firstRow, firstRow + rowsPerPart);
    const [from, to] = [some[0]?.start ?? 0, some.at(-1)?.end ?? 0];
    const tailAt = head.length + to - from + 1;
    yield {
      text: `${head}${source.slice(from, to)} ${end}`,
      firstRow,
      rows: some.length,
      toSource(position) {
        if (position < head.length) return position;
        return position < tailAt ? position - head.length + from : position - tailAt + tail;
      },
    };
  }
}
