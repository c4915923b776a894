// A plan is found by key and bound to literals, so these two must say everything the statement says: the text rebuilt from them parses
// to the same tree. Whatever shares key and literals is therefore the same statement.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { DbError } from "../../src/base/errors.ts";
import { endOfToken } from "../../src/model/lexical.ts";
import { type LiftedStatement, liftLiterals } from "../../src/sql/lift-literals.ts";
import { loadParser } from "../../src/sql/parse/parser.ts";

const parser = await loadParser();

/** The syntax tree without locations; undefined for what is refused. */
function treeOf(sql: string): unknown {
  try {
    return parser
      .parse(sql)
      .map(({ statement }) =>
        JSON.parse(
          JSON.stringify(statement, (key, value: unknown) =>
            /location$|^(rexpr_)?list_/.test(key) ? undefined : value,
          ),
        ),
      );
  } catch (error) {
    if (error instanceof DbError) return undefined;
    throw error;
  }
}

/** Puts the literals back in place of their markers. Markers stand outside quotes only. */
function rebuild({ key, literals }: LiftedStatement): string {
  if (key.startsWith("{}")) return key.slice(2);
  const rest = [...literals];
  let sql = "";
  for (let at = 0; at < key.length; ) {
    if (key[at] === "{") {
      const literal = rest.shift();
      if (literal === undefined) throw new Error(`no literal left for ${key}`);
      sql += literal.kind === "string" ? `'${literal.text.replaceAll("'", "''")}'` : literal.text;
      at += 3;
    } else {
      const end = /\s/.test(key[at] ?? "") ? at + 1 : endOfToken(key, at);
      sql += key.slice(at, end);
      at = end;
    }
  }
  expect(rest).toEqual([]);
  return sql;
}

const gap = fc.constantFrom(" ", "  ", "\n", "\t", " -- c 'x'\n", "/* 1 */", "/* /* */ */ ");
const mixedCase = (word: string) =>
  fc.array(fc.boolean(), { minLength: word.length, maxLength: word.length }).map((upper) =>
    word
      .split("")
      .map((letter, index) => (upper[index] === true ? letter.toUpperCase() : letter))
      .join(""),
  );

const value = fc.oneof(
  fc.nat({ max: 10_000_000_000 }).map(String),
  fc.nat({ max: 1000 }).map((number) => `-${number}`),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0 }).map(String),
  fc
    .string({ unit: "grapheme", maxLength: 6 })
    .filter((text) => !text.includes("\u0000"))
    .map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.constantFrom(
    "NULL",
    "TRUE",
    "$1",
    "E'a\\'b'",
    "$q$ 'x' $q$",
    "INTERVAL '1 day'",
    "DATE '2020-01-01'",
    "X'1F'",
    "U&'\\0041'",
    "0x1F",
  ),
);
const column = fc.constantFrom("a", "b", "t.c", '"D"', "rows", "j->>'k'", "now()", "é");
const operand = fc.oneof(column, value);
const comparison = fc
  .tuple(operand, fc.constantFrom("=", "<>", "<", "LIKE", "IS DISTINCT FROM", "-", "||", "@>"), operand)
  .map(([left, operator, right]) => `${left} ${operator} ${right}`);
const expression = fc.oneof(
  comparison,
  operand,
  fc
    .tuple(column, fc.array(value, { minLength: 1, maxLength: 3 }))
    .map(([name, list]) => `${name} IN (${list.join(", ")})`),
  comparison.map((inner) => `- (${inner})`),
  fc
    .tuple(operand, fc.constantFrom("int", "interval", "date", "numeric(10, 2)"))
    .map(([inner, type]) => `${inner}::${type}`),
  fc.tuple(operand, operand).map(([first, second]) => `CASE WHEN ${first} THEN ${second} ELSE 5 END`),
  fc.tuple(operand, value).map(([first, second]) => `date_trunc(${second}, ${first})`),
);
const where = fc.oneof(
  fc.constant(""),
  expression.map((inner) => ` WHERE ${inner}`),
);
const select = fc
  .tuple(
    fc.constantFrom("SELECT", "SELECT DISTINCT"),
    fc.array(expression, { minLength: 1, maxLength: 3 }),
    where,
    fc.oneof(
      fc.constant(""),
      fc.array(expression, { minLength: 1, maxLength: 2 }).map((list) => ` GROUP BY ${list.join(", ")}`),
    ),
    fc.constantFrom("", " ORDER BY 2, a", " ORDER BY 1 LIMIT 10", " LIMIT 5 OFFSET 5", " UNION SELECT 3"),
  )
  .map(([head, list, ...rest]) => `${head} ${list.join(", ")} FROM t${rest.join("")}`);
const statement = fc.oneof(
  select,
  select.map((inner) => `WITH q AS (${inner}) SELECT * FROM q WHERE a = 1`),
  fc
    .array(value, { minLength: 1, maxLength: 4 })
    .map((list) => `INSERT INTO t VALUES (${list.join(", ")}) RETURNING a`),
  fc.tuple(expression, where).map(([given, condition]) => `UPDATE t SET a = ${given}${condition}`),
  where.map((condition) => `DELETE FROM t${condition}`),
);

const LEXEMES =
  `select from where group by order limit as a "b" 'c' 'it''s' e'x\\'' $$y$$ $1 1 2.5 .5 1e3 3000000000 ( ) , - -> ->> = :: .
  interval date int [ ] -- /*x*/ ; { } é U&'x' N'n' 0x1 1_0 distinct values insert into t '`.split(/\s+/);
const soup = fc
  .array(fc.tuple(fc.constantFrom(...LEXEMES), fc.constantFrom(" ", " ", "", "\n")), { maxLength: 14 })
  .map((lexemes) => `select ${lexemes.flat().join("")}`);

test("TB-07 key and literals rebuild a statement of the same meaning", () => {
  fc.assert(
    fc.property(fc.oneof({ weight: 2, arbitrary: statement }, { weight: 1, arbitrary: soup }), (sql) => {
      expect(treeOf(rebuild(liftLiterals(sql)))).toEqual(treeOf(sql));
    }),
    { numRuns: 4000 },
  );
});

test("TB-07 the generated statements do parse, mostly", () => {
  const parsed = fc.sample(statement, 300).filter((sql) => treeOf(sql) !== undefined);
  expect(parsed.length).toBeGreaterThan(200);
});

test("TB-07 spacing, comments and letter case do not change key or literals", () => {
  const words = [
    "select",
    "a",
    ",",
    "42",
    "from",
    "t",
    "where",
    "b",
    "=",
    "'It''s  X'",
    "order",
    "by",
    "2",
    "limit",
    "7",
  ];
  const respelled = fc
    .tuple(
      fc.tuple(...words.map((word) => (/^[a-z]/.test(word) ? mixedCase(word) : fc.constant(word)))),
      fc.array(gap, { minLength: 15, maxLength: 15 }),
    )
    .map(([spelled, gaps]) => spelled.map((word, index) => word + gaps[index]).join(""));
  const { key, literals } = liftLiterals(words.join(" "));
  fc.assert(
    fc.property(respelled, (sql) => {
      const lifted = liftLiterals(sql);
      expect(lifted.key).toBe(key);
      expect(lifted.literals.map(({ text, kind }) => [text, kind])).toEqual(
        literals.map(({ text, kind }) => [text, kind]),
      );
    }),
  );
});

test("TB-07 each literal stands where it says", () => {
  fc.assert(
    fc.property(statement, (sql) => {
      for (const { text, kind, start } of liftLiterals(sql).literals) {
        const written = kind === "string" ? `'${text.replaceAll("'", "''")}'` : text;
        expect(sql.startsWith(written, start)).toBe(true);
      }
    }),
  );
});
