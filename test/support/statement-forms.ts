// Every form in which a statement can reach a relation, for tests that ask who may.
export interface Target {
  /** Its row in "Who may do what". */
  readonly policy: string;
  readonly name: string;
  readonly kind: "table" | "stream" | "view" | "systemView";
  /** A column of text. */
  readonly text: string;
  /** A condition that one row satisfies; by the key, where there is one. */
  readonly one: string;
}

type Form = readonly [why: string, sql: (target: Target) => string];

/** `app.own` is a USER table of (id BIGINT PRIMARY KEY, body TEXT). */
export const READS: readonly Form[] = [
  ["*", ({ name }) => `SELECT * FROM ${name}`],
  ["one row", ({ name, text, one }) => `SELECT ${text} FROM ${name} WHERE ${one}`],
  ["TABLE", ({ name }) => `TABLE ${name}`],
  ["count", ({ name }) => `SELECT count(*) FROM ${name}`],
  ["aggregate and function", ({ name, text }) => `SELECT string_agg(upper(${text}), ',') FROM ${name}`],
  ["window", ({ name, text }) => `SELECT row_number() OVER (ORDER BY ${text}) FROM ${name}`],
  ["DISTINCT ON", ({ name, text }) => `SELECT DISTINCT ON (${text}) ${text} FROM ${name} ORDER BY ${text}`],
  ["LIMIT 0", ({ name }) => `SELECT * FROM ${name} LIMIT 0`],
  ["a condition that is never true", ({ name }) => `SELECT 1 WHERE false AND EXISTS (SELECT 1 FROM ${name})`],
  ["CTE", ({ name }) => `WITH x AS (SELECT * FROM ${name}) SELECT count(*) FROM x`],
  ["CTE that is not used", ({ name }) => `WITH x AS (SELECT * FROM ${name}) SELECT 1`],
  [
    "recursive CTE",
    ({ name, text }) =>
      `WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r JOIN ${name} t ON t.${text} IS NOT NULL WHERE n < 2) SELECT count(*) FROM r`,
  ],
  ["sub-query in FROM", ({ name, text }) => `SELECT s.${text} FROM (SELECT * FROM ${name}) s`],
  ["sub-query in WHERE", ({ name, text }) => `SELECT id FROM app.own WHERE body IN (SELECT ${text} FROM ${name})`],
  ["scalar sub-query", ({ name, text }) => `SELECT (SELECT max(${text}) FROM ${name})`],
  ["VALUES", ({ name, text }) => `VALUES ((SELECT max(${text}) FROM ${name}))`],
  ["join", ({ name, text }) => `SELECT o.id, t.${text} FROM app.own o LEFT JOIN ${name} t ON t.${text} = o.body`],
  ["LATERAL", ({ name, text }) => `SELECT x.* FROM app.own o, LATERAL (SELECT ${text} FROM ${name} LIMIT 1) x`],
  ["UNION", ({ name, text }) => `SELECT body FROM app.own UNION ALL SELECT ${text} FROM ${name}`],
  ["EXCEPT", ({ name, text }) => `SELECT 'x' EXCEPT SELECT ${text} FROM ${name}`],
  ["INTERSECT", ({ name, text }) => `SELECT 'x' INTERSECT SELECT ${text} FROM ${name}`],
  ["INSERT … SELECT", ({ name, text }) => `INSERT INTO app.own (id, body) SELECT SNOWFLAKE_ID(), ${text} FROM ${name}`],
  [
    "INSERT of a sub-query",
    ({ name, text }) => `INSERT INTO app.own (id, body) VALUES (SNOWFLAKE_ID(), (SELECT max(${text}) FROM ${name}))`,
  ],
  [
    "UPSERT through a CTE, RETURNING",
    ({ name, text }) =>
      `WITH x AS (SELECT max(${text}) AS m FROM ${name}) INSERT INTO app.own (id, body) SELECT 1, m FROM x ON CONFLICT (id) DO UPDATE SET body = excluded.body RETURNING body`,
  ],
  ["UPDATE … FROM", ({ name, text }) => `UPDATE app.own SET body = t.${text} FROM ${name} t WHERE own.id = -1`],
  [
    "UPDATE by a sub-query",
    ({ name, text }) => `UPDATE app.own SET body = (SELECT max(${text}) FROM ${name}) WHERE id = 1`,
  ],
  [
    "DELETE … USING",
    ({ name, text }) => `DELETE FROM app.own USING ${name} t WHERE own.body = t.${text} AND own.id = -1`,
  ],
  [
    "DELETE by a sub-query",
    ({ name, text }) => `DELETE FROM app.own WHERE id = -1 AND body IN (SELECT ${text} FROM ${name})`,
  ],
];

/** Ids are made up: a form can be run again. */
export const WRITES: readonly Form[] = [
  ["INSERT", ({ name }) => `INSERT INTO ${name} (id, body) VALUES (SNOWFLAKE_ID(), 'x')`],
  ["INSERT of all columns", ({ name }) => `INSERT INTO ${name} VALUES (SNOWFLAKE_ID(), 'x')`],
  ["INSERT … SELECT", ({ name }) => `INSERT INTO ${name} (id, body) SELECT SNOWFLAKE_ID(), 'x'`],
  ["INSERT of nothing", ({ name }) => `INSERT INTO ${name} (id, body) SELECT SNOWFLAKE_ID(), 'x' WHERE false`],
  ["RETURNING", ({ name }) => `INSERT INTO ${name} (id, body) VALUES (SNOWFLAKE_ID(), 'x') RETURNING *`],
  [
    "ON CONFLICT DO NOTHING",
    ({ name }) => `INSERT INTO ${name} (id, body) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING`,
  ],
  ["DELETE by key", ({ name }) => `DELETE FROM ${name} WHERE id = -1`],
  ["DELETE by a condition", ({ name }) => `DELETE FROM ${name} WHERE body = 'nothing has it'`],
  ["DELETE of nothing", ({ name }) => `DELETE FROM ${name} WHERE false`],
  ["DELETE … USING", ({ name }) => `DELETE FROM ${name} AS t USING app.own o WHERE t.id = o.id AND o.id = -1`],
  ["in a transaction", ({ name }) => `BEGIN; INSERT INTO ${name} (id, body) VALUES (SNOWFLAKE_ID(), 'x'); COMMIT`],
];

/** Those that a STREAM table has not. */
export const UPDATES: readonly Form[] = [
  ["UPDATE by key", ({ name }) => `UPDATE ${name} SET body = 'x' WHERE id = -1`],
  [
    "UPDATE by a condition, RETURNING",
    ({ name }) => `UPDATE ${name} SET body = 'x' WHERE body = 'nothing has it' RETURNING id`,
  ],
  [
    "UPDATE … FROM",
    ({ name }) => `UPDATE ${name} AS t SET body = o.body FROM app.own o WHERE t.id = o.id AND o.id = -1`,
  ],
  [
    "ON CONFLICT DO UPDATE",
    ({ name }) => `INSERT INTO ${name} (id, body) VALUES (-7, 'x') ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
  ],
  ["UPSERT", ({ name }) => `UPSERT INTO ${name} (id, body) VALUES (-7, 'x')`],
];

export const DESCRIPTIONS: readonly Form[] = [
  ["DESCRIBE", ({ name }) => `DESCRIBE ${name}`],
  ["SHOW COLUMNS", ({ name }) => `SHOW COLUMNS FROM ${name}`],
];
