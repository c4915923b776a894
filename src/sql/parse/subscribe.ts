// SUBSCRIBE TO a table or a SELECT, with options.
import { suggestion } from "../../base/closest.ts";
import { DbError } from "../../base/errors.ts";
import type { Statement, SubscribeOptions } from "../statement.ts";
import { takeTableRef } from "./names.ts";
import type { Postgres } from "./postgres.ts";
import type { BatchPart } from "./split-batch.ts";
import { syntaxError, withOffset } from "./syntax-error.ts";
import { Cursor } from "./tokens.ts";

const WHOLE_ROW = "SELECT * FROM ";

export function parseSubscribe(cursor: Cursor, postgres: Postgres, part: BatchPart): Statement {
  cursor.expectWords("SUBSCRIBE", "TO");
  const start = cursor.peek().start;
  const isSelect = cursor.isWord("SELECT") || cursor.isWord("WITH");
  if (!isSelect) {
    takeTableRef(cursor);
    if (!cursor.isWord("WHERE") && !cursor.isWord("OPTIONS")) cursor.expectEnd();
  }
  const tail = findOptions(cursor);
  const body = cursor.source.slice(start, tail?.start ?? cursor.source.length).trimEnd();
  const selectText = isSelect ? body : WHOLE_ROW + body;
  withOffset(start - (selectText.length - body.length), () => {
    const node = postgres.parse({ text: selectText, chainTokens: part.chainTokens });
    if (!("SelectStmt" in node)) throw syntaxError(body, 0);
  });
  return { kind: "subscribe", selectText, options: tail?.options ?? NO_OPTIONS };
}

const NO_OPTIONS: SubscribeOptions = { lastRows: undefined, batchSize: undefined, from: undefined };

/** OPTIONS is an ordinary word to PostgreSQL: it counts only when its brackets end the statement. */
function findOptions(cursor: Cursor): { readonly start: number; readonly options: SubscribeOptions } | undefined {
  let depth = 0;
  for (;;) {
    const token = cursor.take();
    if (token.kind === "end") return undefined;
    if (token.kind === "symbol" && token.text === "(") depth++;
    else if (token.kind === "symbol" && token.text === ")") depth--;
    else if (token.kind === "word" && depth === 0 && token.text.toUpperCase() === "OPTIONS") {
      const tail = new Cursor(cursor.source);
      tail.moveTo(token.end);
      if (tail.peek().text !== "(") continue;
      tail.takeBracketed();
      if (tail.peek().kind !== "end") continue;
      tail.moveTo(token.end);
      return { start: token.start, options: takeOptions(tail) };
    }
  }
}

const BOUNDS: ReadonlyMap<string, { readonly min: bigint; readonly max: bigint }> = new Map([
  ["last_rows", { min: 0n, max: 2n ** 31n - 1n }],
  ["batch_size", { min: 1n, max: 2n ** 31n - 1n }],
  ["from", { min: 0n, max: 2n ** 63n - 1n }],
]);

function takeOptions(cursor: Cursor): SubscribeOptions {
  const values = new Map<string, bigint>();
  cursor.expectSymbol("(");
  do {
    const written = cursor.expectText().toLowerCase();
    const name = written === "from_seq_id" ? "from" : written;
    const bounds = BOUNDS.get(name);
    if (bounds === undefined)
      throw invalid(`Unknown subscription option '${written}'${suggestion(name, BOUNDS.keys())}`);
    if (values.has(name)) throw invalid(`Subscription option '${written}' is given twice`);
    cursor.expectSymbol("=");
    const text = cursor.peek().kind === "string" ? cursor.take().text : takeNumber(cursor);
    const value = /^\d{1,19}$/.test(text) ? BigInt(text) : -1n;
    if (value < bounds.min || value > bounds.max) {
      throw invalid(`Subscription option '${written}' must be a whole number from ${bounds.min} to ${bounds.max}`);
    }
    values.set(name, value);
  } while (cursor.takeSymbol(","));
  cursor.expectSymbol(")");
  const lastRows = values.get("last_rows");
  const batchSize = values.get("batch_size");
  return {
    lastRows: lastRows === undefined ? undefined : Number(lastRows),
    batchSize: batchSize === undefined ? undefined : Number(batchSize),
    from: values.get("from"),
  };
}

function takeNumber(cursor: Cursor): string {
  const sign = cursor.takeSymbol("-") ? "-" : "";
  if (cursor.peek().kind !== "number") throw cursor.unexpected();
  return sign + cursor.take().text;
}

function invalid(message: string): DbError {
  return new DbError("INVALID_SQL", message);
}
