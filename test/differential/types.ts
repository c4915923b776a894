// The types that both databases have: how each is written, and literals of it, plain ones and those at the edges.

export type TypeName =
  | "bool"
  | "i2"
  | "i4"
  | "i8"
  | "f8"
  | "dec"
  | "text"
  | "ts"
  | "tz"
  | "date"
  | "time"
  | "json"
  | "bytes"
  | "uuid"
  | "iv"
  | "ai"
  | "at";

interface TypeRow {
  /** As a cast writes it, and a column where `isColumn`. */
  readonly sql: string;
  readonly isColumn: boolean;
  /** Has `=` and `<`, and may be grouped by. */
  readonly isSortable: boolean;
  readonly plain: readonly string[];
  readonly edges: readonly string[];
}

const quoted = (texts: readonly string[], sql: string): string[] => texts.map((text) => `(${sql} '${text}')`);

export const TYPES: Record<TypeName, TypeRow> = {
  bool: { sql: "boolean", isColumn: true, isSortable: true, plain: ["true", "false"], edges: ["true"] },
  i2: {
    sql: "smallint",
    isColumn: true,
    isSortable: true,
    plain: ["0::smallint", "1::smallint", "(-3)::smallint", "7::smallint", "12::smallint"],
    edges: ["32767::smallint", "(-32768)::smallint"],
  },
  i4: {
    sql: "integer",
    isColumn: true,
    isSortable: true,
    plain: ["0", "1", "2", "3", "(-1)", "5", "10", "(-7)", "42"],
    edges: ["2147483647", "(-2147483648)"],
  },
  i8: {
    sql: "bigint",
    isColumn: true,
    isSortable: true,
    plain: ["0::bigint", "1::bigint", "(-2)::bigint", "3000000000", "17::bigint"],
    edges: ["9223372036854775807", "(-9223372036854775808)", "9007199254740993"],
  },
  f8: {
    sql: "double precision",
    isColumn: true,
    isSortable: true,
    plain: quoted(["0", "0.5", "-1.25", "3", "2.5", "-0.5", "1.5", "100"], "double precision"),
    edges: quoted(["1e300", "-1e-300", "9007199254740992", "1e15", "123456789.125", "0.1"], "double precision"),
  },
  dec: {
    sql: "numeric(12,3)",
    isColumn: true,
    isSortable: true,
    plain: [
      "0.000::numeric(12,3)",
      "1.500::numeric(12,3)",
      "(-2.250)::numeric(12,3)",
      "10.005::numeric(12,3)",
      "3::numeric(12,3)",
    ],
    edges: ["999999999.999::numeric(12,3)", "(-999999999.999)::numeric(12,3)", "0.001::numeric(12,3)"],
  },
  text: {
    sql: "text",
    isColumn: true,
    isSortable: true,
    plain: ["''", "'a'", "'b'", "'ab'", "'abc'", "'Ab'", "'12'", "' x '", "'a_c'", "'a%'"],
    edges: ["'é'", "'日本'", "'😀a'", "'it''s'", "E'a\\nb'", "E'\\\\'", "'true'", "'2024-02-29'", "'1.5'", "'-7'"],
  },
  ts: {
    sql: "timestamp",
    isColumn: true,
    isSortable: true,
    plain: quoted(
      ["2024-02-29 12:34:56", "2024-01-01 00:00:00", "2023-12-31 23:59:59.5", "2024-03-31 10:00:00"],
      "timestamp",
    ),
    edges: quoted(
      ["1969-12-31 23:59:59.999999", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "1900-02-28 05:06:07.000001"],
      "timestamp",
    ),
  },
  tz: {
    sql: "timestamptz",
    isColumn: true,
    isSortable: true,
    plain: quoted(
      ["2024-02-29 12:34:56+00", "2024-01-01 00:00:00+02", "2024-07-01 10:00:00Z", "2024-03-31 01:00:00+00"],
      "timestamptz",
    ),
    edges: quoted(["1969-12-31 23:59:59.999999+00", "9999-12-31 23:59:59+00", "1970-01-01 00:00:00+00"], "timestamptz"),
  },
  date: {
    sql: "date",
    isColumn: true,
    isSortable: true,
    plain: quoted(["2024-02-29", "2024-01-01", "2023-12-31", "2024-03-30"], "date"),
    edges: quoted(["0001-01-01", "9999-12-31", "1969-12-31", "1900-03-01"], "date"),
  },
  time: {
    sql: "time",
    isColumn: true,
    isSortable: true,
    plain: quoted(["00:00:00", "12:34:56", "08:00:00.5", "23:59:59"], "time"),
    edges: quoted(["23:59:59.999999", "00:00:00.000001", "24:00:00"], "time"),
  },
  json: {
    sql: "jsonb",
    isColumn: true,
    isSortable: false,
    plain: quoted(
      ['{"a": 1, "b": "x"}', "[1, 2, 3]", '{"a": {"b": [1, null, true]}}', '"s"', "5", "null", "true"],
      "jsonb",
    ),
    edges: quoted(["{}", "[]", "1.50", '[{"a": 1}, {"a": 2}]', '{"a": null}', '"é"', "12345678901234567890"], "jsonb"),
  },
  bytes: {
    sql: "bytea",
    isColumn: true,
    isSortable: true,
    plain: quoted(["\\x", "\\x01ff", "\\x6162", "\\x00"], "bytea"),
    edges: quoted(["\\xffffffff", "\\xc3a9"], "bytea"),
  },
  uuid: {
    sql: "uuid",
    isColumn: true,
    isSortable: true,
    plain: quoted(["00000000-0000-0000-0000-000000000001", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"], "uuid"),
    edges: quoted(["ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000"], "uuid"),
  },
  iv: {
    sql: "interval",
    isColumn: false,
    isSortable: true,
    plain: quoted(["1 day", "36 hours", "1 month", "-3 days 04:05:06", "00:00:01.5", "1 year 2 mons"], "interval"),
    edges: quoted(["0", "-1 month 30 days", "24:00:00", "100 years"], "interval"),
  },
  ai: {
    sql: "int[]",
    isColumn: false,
    isSortable: true,
    plain: ["ARRAY[1, 2, 3]", "ARRAY[5]", "'{1,NULL,3}'::int[]"],
    edges: ["'{}'::int[]", "ARRAY[NULL::int]"],
  },
  at: {
    sql: "text[]",
    isColumn: false,
    isSortable: true,
    plain: ["ARRAY['a', 'b']", "ARRAY['ab', 'a', 'abc']", "'{x,NULL}'::text[]"],
    edges: ["'{}'::text[]", "ARRAY['', 'a,b', '\"q\"']"],
  },
};

export const TYPE_NAMES = Object.keys(TYPES) as readonly TypeName[];
export const COLUMN_TYPES = TYPE_NAMES.filter((name) => TYPES[name].isColumn);
export const SORTABLE = TYPE_NAMES.filter((name) => TYPES[name].isSortable);
export const NUMERIC: readonly TypeName[] = ["i2", "i4", "i8", "f8", "dec"];
