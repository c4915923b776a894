// SQL as somebody would write it who is after other people's rows: every form of statement over every name that could reach them, well formed, nearly so, and broken on purpose.
import fc from "fast-check";

/** Tables and a view that a user may name; each has at least `id` and `body`. */
const OWN_RELATIONS = [
  "app.notes",
  "app.user.notes",
  'app."notes"',
  "app.copies",
  "app.feed",
  "app.topics",
  "app.mine",
] as const;
const WRITABLE = ["app.notes", "app.copies", "app.feed"] as const;

/** What somebody would try who has read how the server keeps rows. */
const FOREIGN_RELATIONS = [
  "notes",
  "app.secrets",
  "system.users",
  "system.live_queries",
  "system.audit_log",
  "system.server_logs",
  "system.jobs",
  "system.segments",
  "system.api_keys",
  "information_schema.tables",
  "information_schema.columns",
  "main.users",
  "users",
  "segments",
  "audit_log",
  "sqlite_schema",
  "sqlite_master",
  "main.sqlite_master",
  "temp.sqlite_master",
  "pragma_table_list",
  "pragma_table_info('users')",
  "hot_1",
  "main.hot_1",
  "json_each('[1,2]')",
] as const;

const WILD_TERMS = [
  "_user",
  "rowid",
  "oid",
  "user_id",
  "n.body",
  "c1",
  "load_extension('x')",
  "readfile('/etc/passwd')",
  "sqlite_version()",
  "row_to_json(n)",
  "quote(body)",
  "$1",
  "'app.notes'::regclass",
] as const;

const OTHER_USERS = ["bob", "'bob'", '"bob"', "root"] as const;

export interface Grammar {
  readonly statement: fc.Arbitrary<string>;
  /** One SELECT, for live queries. */
  readonly select: fc.Arbitrary<string>;
}

/** Mostly what binds and runs, now and then what should not. */
function mostly(fine: fc.Arbitrary<string>, wild: readonly string[]): fc.Arbitrary<string> {
  return fc.oneof({ weight: 14, arbitrary: fine }, { weight: 1, arbitrary: fc.constantFrom(...wild) });
}

interface Terms {
  readonly text: string;
  readonly whole: string;
  readonly condition: string;
  /** Columns `id` and `body`, in this order, so that any two can stand beside each other. */
  readonly select: string;
}

function typedTerms(relation: fc.Arbitrary<string>): fc.LetrecValue<Terms> {
  return fc.letrec<Terms>((tie: fc.LetrecTypedTie<Terms>) => ({
    text: mostly(
      fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom("body", "'x'", "'of bob'", "CURRENT_USER()"),
        fc.tuple(fc.constantFrom("upper", "trim", "md5"), tie("text")).map(([name, inner]) => `${name}(${inner})`),
        fc.tuple(tie("text"), tie("text")).map(([left, right]) => `(${left} || ${right})`),
        fc
          .tuple(tie("condition"), tie("text"), tie("text"))
          .map(([test, one, two]) => `CASE WHEN ${test} THEN ${one} ELSE ${two} END`),
        fc.tuple(tie("text"), relation).map(([inner, from]) => `(SELECT max(${inner}) FROM ${from})`),
        tie("whole").map((inner) => `${inner}::text`),
        fc.tuple(tie("text"), relation).map(([inner, from]) => `(SELECT string_agg(${inner}, ',') FROM ${from})`),
      ),
      WILD_TERMS,
    ),
    whole: mostly(
      fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom("id", "_seq", "1", "2", "-3"),
        tie("text").map((inner) => `length(${inner})`),
        fc.tuple(tie("whole"), fc.constantFrom("+", "-", "*"), tie("whole")).map((parts) => `(${parts.join(" ")})`),
        relation.map((from) => `(SELECT count(*) FROM ${from})`),
      ),
      WILD_TERMS,
    ),
    condition: mostly(
      fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.constantFrom("true", "_deleted", "body IS NOT NULL", "id > 0"),
        fc
          .tuple(tie("text"), fc.constantFrom("=", "<>", "<", "LIKE", "IS DISTINCT FROM"), tie("text"))
          .map((parts) => `(${parts.join(" ")})`),
        fc.tuple(tie("whole"), fc.constantFrom("=", "<=", ">"), tie("whole")).map((parts) => `(${parts.join(" ")})`),
        fc
          .tuple(tie("condition"), fc.constantFrom("AND", "OR"), tie("condition"))
          .map((parts) => `(${parts.join(" ")})`),
        tie("condition").map((inner) => `NOT ${inner}`),
        relation.map((from) => `id IN (SELECT id FROM ${from})`),
        tie("select").map((inner) => `EXISTS (${inner})`),
      ),
      WILD_TERMS,
    ),
    select: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      relation.map((from) => `SELECT id, body FROM ${from}`),
      fc
        .tuple(tie("whole"), tie("text"), relation)
        .map(([one, two, from]) => `SELECT ${one} AS id, ${two} AS body FROM ${from}`),
      fc
        .tuple(tie("text"), relation, tie("condition"))
        .map(([two, from, where]) => `SELECT id, ${two} AS body FROM ${from} WHERE ${where}`),
      fc
        .tuple(
          relation,
          fc.constantFrom("JOIN", "LEFT JOIN", "FULL JOIN"),
          relation,
          fc.constantFrom("true", "n.id = m.id", "n.body = m.body"),
        )
        .map(([from, join, other, on]) => `SELECT n.id, m.body FROM ${from} n ${join} ${other} m ON ${on}`),
      fc
        .tuple(tie("select"), fc.constantFrom("UNION", "UNION ALL", "EXCEPT", "INTERSECT"), tie("select"))
        .map(([one, operator, two]) => `(${one}) ${operator} (${two})`),
      fc.tuple(tie("select"), tie("text")).map(([inner, output]) => `SELECT id, ${output} AS body FROM (${inner}) n`),
      fc
        .tuple(relation, tie("select"))
        .map(([from, inner]) => `WITH c AS (${inner}) SELECT c.id, n.body FROM ${from} n, c`),
      fc
        .tuple(tie("text"), relation)
        .map(([by, from]) => `SELECT count(*) AS id, ${by} AS body FROM ${from} GROUP BY ${by}`),
      relation.map((from) => `SELECT row_number() OVER (ORDER BY id) AS id, body FROM ${from}`),
      fc.constantFrom(...OWN_RELATIONS).map((from) => `SELECT * FROM ${from}`),
    ),
  }));
}

export function createGrammar(): Grammar {
  const relation = mostly(fc.constantFrom(...OWN_RELATIONS), FOREIGN_RELATIONS);
  const target = mostly(fc.constantFrom(...WRITABLE), FOREIGN_RELATIONS);
  const number = fc.integer({ min: -2, max: 12 }).map(String);
  const user = fc.constantFrom(...OTHER_USERS);
  const { text, condition, select } = typedTerms(relation);

  const write = fc.oneof(
    fc
      .tuple(target, select)
      .map(([into, from]) => `INSERT INTO ${into} (id, body) ${from} ON CONFLICT (id) DO NOTHING`),
    fc
      .tuple(target, number, text)
      .map(([into, id, value]) => `INSERT INTO ${into} (id, body) VALUES (${id}, ${value}) RETURNING *`),
    fc
      .tuple(target, number, text)
      .map(
        ([into, id, value]) =>
          `INSERT INTO ${into} (id, body) VALUES (${id}, 'a') ON CONFLICT (id) DO UPDATE SET body = ${value} RETURNING *`,
      ),
    fc
      .tuple(target, text, condition)
      .map(([table, value, where]) => `UPDATE ${table} SET body = ${value} WHERE ${where} RETURNING *`),
    fc
      .tuple(target, relation)
      .map(([table, from]) => `UPDATE ${table} SET body = m.body FROM ${from} m WHERE ${table}.id = m.id`),
    fc.tuple(target, condition).map(([table, where]) => `DELETE FROM ${table} WHERE ${where} RETURNING *`),
    fc
      .tuple(target, relation)
      .map(([table, using]) => `DELETE FROM ${table} USING ${using} m WHERE ${table}.id = m.id`),
    target.map((table) => `TRUNCATE ${table}`),
  );

  const other = fc.oneof(
    fc.tuple(user, select).map(([name, inner]) => `EXECUTE AS USER ${name} (${inner})`),
    fc.tuple(user, write).map(([name, inner]) => `EXECUTE AS USER ${name} (${inner})`),
    select.map((inner) => `EXPLAIN ${inner}`),
    select.map((inner) => `EXPLAIN LIVE ${inner}`),
    select.map((inner) => `SUBSCRIBE TO ${inner}`),
    relation.map((table) => `DESCRIBE TABLE ${table} HISTORY`),
    relation.map((table) => `SHOW TABLE STATS ${table}`),
    select.map((inner) => `CREATE VIEW app.v AS ${inner}`),
    relation.map((table) => `STORAGE FLUSH TABLE ${table}`),
    user.map((name) => `KILL LIVE QUERY '${name.replaceAll(/['"]/g, "")}-c-s'`),
    user.map((name) => `ALTER USER ${name} SET PASSWORD 'stolen-password-1'`),
    user.map((name) => `CREATE API KEY k FOR ${name}`),
    fc.constantFrom(
      "SHOW TABLES",
      "SHOW USERS",
      "SHOW API KEYS",
      "ATTACH DATABASE '/etc/passwd' AS x",
      "PRAGMA table_list",
      "COPY app.notes TO '/tmp/x'",
      "VACUUM INTO '/tmp/x'",
      "EXPORT USER DATA",
      "SHOW EXPORT",
      "BACKUP DATABASE TO '/tmp/x'",
    ),
  );

  const one = fc.oneof(
    { weight: 5, arbitrary: select },
    { weight: 3, arbitrary: write },
    { weight: 2, arbitrary: other },
  );
  const batch = fc.oneof(
    one,
    fc.tuple(one, one).map(([first, second]) => `${first}; ${second}`),
    fc.tuple(one, one).map(([first, second]) => `BEGIN; ${first}; ${second}; COMMIT`),
    select.map((inner) => `USE app; ${inner}`),
  );
  return { statement: fc.oneof({ weight: 6, arbitrary: batch }, { weight: 1, arbitrary: broken(batch) }), select };
}

/** A piece put in the middle of a statement: what injection looks like once it is inside. */
function broken(statement: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const piece = fc.constantFrom(
    "'",
    '"',
    "--",
    "/*",
    "*/",
    ";",
    "\u0000",
    "\\",
    "$$",
    ") OR (1=1",
    "' OR '1'='1",
    " UNION SELECT * FROM users",
    "\u202e",
  );
  return fc.tuple(statement, piece, fc.double({ min: 0, max: 1, noNaN: true })).map(([sql, inserted, share]) => {
    const at = Math.floor(sql.length * share);
    return `${sql.slice(0, at)}${inserted}${sql.slice(at)}`;
  });
}
