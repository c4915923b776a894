// Text made to break the parser. A trap inside WebAssembly would leave the module broken for every later statement.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DbError } from "../../../src/base/errors.ts";
import { MAX_CHAIN_TOKENS, MAX_SET_OPERATIONS } from "../../../src/sql/parse/split-batch.ts";
import { parseOne, parser, refusalOf } from "./harness.ts";

function isAlive(): boolean {
  return parser.parse("SELECT a FROM b WHERE c = 1").length === 1;
}

/** Each with the tokens one level takes, so that the whole stays just under the limit. */
const CHAINS: readonly (readonly [string, string, string, number])[] = [
  ["left-deep operators", "SELECT 1", "+1", 2],
  ["postfix operators", "SELECT a", " ISNULL", 1],
  ["collations", "SELECT a", " COLLATE b", 2],
  ["casts", "SELECT a", "::b", 3],
  ["subscripts", "SELECT a", "[1]", 2],
  ["field selections", "SELECT (a)", ".b", 2],
  ["joins", "SELECT * FROM a", " CROSS JOIN a", 3],
  ["LIKE", "SELECT a", " LIKE a", 2],
  ["prefix operators", "SELECT ", "NOT ", 1],
  ["minus signs", "SELECT ", "- ", 1],
  ["brackets", "SELECT ", "(", 1],
  ["calls", "SELECT ", "f(1,f(", 4],
  ["sub-queries", "", "SELECT (", 2],
  ["CASE", "SELECT ", "CASE WHEN a THEN ", 4],
  ["common table expressions", "", "WITH a AS (", 4],
  ["derived tables", "", "SELECT * FROM (", 4],
];

test.each(CHAINS)(
  "TB-12 %s just under the limit are parsed or refused, and the parser lives on",
  (_what, head, link, tokens) => {
    const sql = head + link.repeat(Math.floor((MAX_CHAIN_TOKENS - 10) / tokens));
    try {
      parser.parse(sql);
    } catch (error) {
      expect(error).toMatchObject({ name: "DbError", code: "INVALID_SQL" });
    }
    expect(isAlive()).toBe(true);
  },
);

test.each(CHAINS)("TB-12 %s past the limit never reach PostgreSQL's parser", (_what, head, link, tokens) => {
  const sql = head + link.repeat(Math.ceil((MAX_CHAIN_TOKENS + 10) / tokens));
  expect(refusalOf(sql).message).toBe(
    `statement is too complex (an expression of more than ${MAX_CHAIN_TOKENS} tokens)`,
  );
});

test("TB-12 set operations have a bound, which commas do not reset", () => {
  const union = (count: number) => `SELECT 1, 2${" UNION ALL SELECT 1, 2".repeat(count)}`;
  expect(parseOne(union(MAX_SET_OPERATIONS)).kind).toBe("select");
  expect(refusalOf(union(MAX_SET_OPERATIONS + 1)).message).toBe(
    `too many set operations in one statement (max ${MAX_SET_OPERATIONS})`,
  );
});

test("TB-12 a tree too deep for what comes after the parser is refused", () => {
  expect(refusalOf(`SELECT 1${"+1".repeat(600)}`)).toMatchObject({ message: "statement is nested too deeply" });
  expect(parseOne(`SELECT 1${"+1".repeat(300)}`).kind).toBe("select");
});

test("TB-12 long flat statements are not taken for deep ones", () => {
  const rows = Array.from({ length: 5000 }, (_, index) => `(${index}, 'text')`).join(", ");
  expect(parseOne(`INSERT INTO t VALUES ${rows}`).kind).toBe("insert");
  const list = Array.from({ length: 5000 }, (_, index) => index).join(", ");
  expect(parseOne(`SELECT * FROM t WHERE id IN (${list})`).kind).toBe("select");
  expect(parseOne(`SELECT * FROM t WHERE a = 1${" OR a = 2".repeat(1000)}`).kind).toBe("select");
});

test("TB-12 a pile of EXECUTE AS USER envelopes is refused at the second", () => {
  expect(refusalOf("EXECUTE AS USER a (".repeat(500) + ")".repeat(500)).code).toBe("INVALID_INPUT");
});

const WORDS =
  `SELECT FROM WHERE CREATE USER SHARED TABLE NAMESPACE WITH TYPE PRIMARY KEY BIGINT DEFAULT IF NOT EXISTS DROP ALTER SET
  PASSWORD ROLE EXECUTE AS SUBSCRIBE TO OPTIONS STORAGE FLUSH ALL KILL LIVE QUERY SHOW TABLES DESCRIBE EXPLAIN INSERT INTO VALUES a "b" 'c'
  E'\\'' $$d$$ $1 1 2.5 ( ) [ ] , ; . = + - * :: -- /* */ ' " $ \` é 😀 AUTO_INCREMENT CURRENT_USER NULL`.split(/\s+/);

test("TB-12 any pile of tokens is a statement or a coded error with a position inside the text", () => {
  const text = fc
    .array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(" ", " ", " ", "", "\n")), { maxLength: 25 })
    .map((tokens) => tokens.flat().join(""));
  fc.assert(
    fc.property(fc.oneof(text, fc.string({ unit: "grapheme", maxLength: 40 })), (sql) => {
      try {
        for (const { text: part, offset } of parser.parse(sql)) expect(sql.startsWith(part, offset)).toBe(true);
      } catch (error) {
        if (!(error instanceof DbError)) throw error;
        expect([
          "INVALID_SQL",
          "EMPTY_SQL",
          "BATCH_PARSE_ERROR",
          "UNSUPPORTED",
          "INVALID_INPUT",
          "INVALID_NAME",
          "INVALID_VALUE",
        ]).toContain(error.code);
        expect(error.position ?? 0).toBeWithin(0, sql.length + 1);
      }
    }),
    { numRuns: 3000 },
  );
  expect(isAlive()).toBe(true);
});
