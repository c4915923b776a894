// Cuts a request's SQL into statements, without parsing them. It also measures how deep a syntax tree the text could grow: libpg-query
// runs out of its stack on long operator chains, and a trap inside WebAssembly leaves the module broken for good, so such text must
// never reach it.
import { DbError } from "../../base/errors.ts";
import { endOfComment, endOfToken, isSpace, startsComment, UNTERMINATED } from "../../model/lexical.ts";

/** Statements of one request; more are refused. */
export const MAX_BATCH_STATEMENTS = 5_000;
/** Tokens of an expression that no comma or bracket interrupts; libpg-query was seen to overflow its stack from 6,000 while its code is cold, from 37,000 later. */
export const MAX_CHAIN_TOKENS = 5_000;
/** UNION, EXCEPT and INTERSECT in one statement: SQLite's own limit on a compound SELECT. */
export const MAX_SET_OPERATIONS = 500;

export interface BatchPart {
  /** From the first token to the last; comments and semicolons around it are cut off. */
  readonly text: string;
  /** Where `text` starts in the request's SQL. */
  readonly offset: number;
  /** Most tokens any one chain of nested expressions holds: an upper bound for the depth of the syntax tree. */
  readonly chainTokens: number;
}

/** Tokens since the last comma, at each open bracket. */
interface Chain {
  readonly outer: number[];
  outerTotal: number;
  current: number;
  longest: number;
  setOperations: number;
}

function newChain(): Chain {
  return { outer: [], outerTotal: 0, current: 0, longest: 0, setOperations: 0 };
}

function isSetOperation(text: string, start: number, end: number): boolean {
  const length = end - start;
  if (length !== 5 && length !== 6 && length !== 9) return false;
  const word = text.slice(start, end).toUpperCase();
  return word === "UNION" || word === "EXCEPT" || word === "INTERSECT";
}

function extendChain(chain: Chain, first: string): void {
  if (first === ",") {
    chain.current = 0;
    return;
  }
  chain.current++;
  if (first === "(" || first === "[") {
    chain.outer.push(chain.current);
    chain.outerTotal += chain.current;
    chain.current = 0;
  } else if ((first === ")" || first === "]") && chain.outer.length > 0) {
    const opened = chain.outer.pop() ?? 0;
    chain.outerTotal -= opened;
    chain.current = opened + 1;
  }
  chain.longest = Math.max(chain.longest, chain.outerTotal + chain.current);
}

function assertWithinLimits(chain: Chain, position: number): void {
  if (chain.longest > MAX_CHAIN_TOKENS) {
    const message = `statement is too complex (an expression of more than ${MAX_CHAIN_TOKENS} tokens)`;
    throw new DbError("INVALID_SQL", message, { position });
  }
  if (chain.setOperations > MAX_SET_OPERATIONS) {
    throw new DbError("INVALID_SQL", `too many set operations in one statement (max ${MAX_SET_OPERATIONS})`, {
      position,
    });
  }
}

function unterminated(text: string, at: number): DbError {
  const first = text[at];
  let what = "quoted string";
  if (first === "/") what = "block comment";
  else if (first === '"') what = "quoted identifier";
  else if (first === "$") what = "dollar-quoted string";
  return new DbError("BATCH_PARSE_ERROR", `Unterminated ${what} in SQL batch`, { position: at });
}

/** Throws BATCH_PARSE_ERROR and EMPTY_SQL as the wire contract names them. A semicolon inside brackets does not end a statement. */
export function splitBatch(sql: string): BatchPart[] {
  const parts: BatchPart[] = [];
  let chain = newChain();
  let start = -1;
  let end = 0;
  const finish = (): void => {
    if (start === -1) return;
    if (parts.length === MAX_BATCH_STATEMENTS) {
      throw new DbError("BATCH_PARSE_ERROR", `Too many statements in one batch (maximum ${MAX_BATCH_STATEMENTS})`);
    }
    parts.push({ text: sql.slice(start, end), offset: start, chainTokens: chain.longest });
    start = -1;
    chain = newChain();
  };
  for (let index = 0; index < sql.length; ) {
    if (isSpace(sql.charCodeAt(index))) {
      index++;
      continue;
    }
    const isComment = startsComment(sql, index);
    const next = isComment ? endOfComment(sql, index) : endOfToken(sql, index);
    if (next === UNTERMINATED) throw unterminated(sql, index);
    const first = sql[index] ?? "";
    if (first === "`") throw backtick(index);
    if (!isComment) {
      if (first === ";" && chain.outer.length === 0) {
        finish();
      } else {
        if (start === -1) start = index;
        end = next;
        extendChain(chain, first);
        if (isSetOperation(sql, index, next)) chain.setOperations++;
        assertWithinLimits(chain, index);
      }
    }
    index = next;
  }
  finish();
  if (parts.length === 0) throw new DbError("EMPTY_SQL", "No SQL statements provided");
  return parts;
}

function backtick(position: number): DbError {
  const hint = 'Write names in double quotes: "name".';
  return new DbError("INVALID_SQL", 'syntax error at or near "`"', { position, hint });
}
