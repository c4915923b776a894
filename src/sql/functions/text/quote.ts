// quote_ident, quote_literal and quote_nullable, as `format` uses them too.
import { TEXT } from "../../../model/sql-type.ts";
import { defineFunction, overload, preparedOverload } from "../definition.ts";
import { inTextLimit } from "./limit.ts";

/** Words of PostgreSQL 15 that mean something as a bare identifier. */
const KEYWORDS: ReadonlySet<string> = new Set(
  [
    "all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both ",
    "case cast char character check coalesce collate collation column concurrently constraint create cross ",
    "current_catalog current_date current_role current_schema current_time current_timestamp current_user dec ",
    "decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign ",
    "freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect ",
    "interval into is isnull join lateral leading least left like limit localtime localtimestamp national ",
    "natural nchar none normalize not notnull null nullif numeric offset on only or order out outer overlaps ",
    "overlay placing position precision primary real references returning right row select session_user setof ",
    "similar smallint some substring symmetric table tablesample then time timestamp to trailing treat trim true ",
    "union unique user using values varchar variadic verbose when where window with xmlattributes xmlconcat ",
    "xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable",
  ].flatMap((line) => line.trim().split(" ")),
);
const PLAIN = /^[a-z_][a-z0-9_]*$/;

export function quoteIdentifier(name: string): string {
  return PLAIN.test(name) && !KEYWORDS.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** With a backslash in it the literal is an escape string, in which backslashes are doubled too. */
export function quoteLiteral(text: string): string {
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

export const quoteIdent = defineFunction("quote_ident", [overload(["text"], TEXT, quoteIdentifier)]);

export const quoteLiteralFunction = defineFunction(
  "quote_literal",
  [overload(["text"], TEXT, (text) => inTextLimit(quoteLiteral(text)))],
  { anyAsText: true },
);

export const quoteNullable = defineFunction(
  "quote_nullable",
  [
    preparedOverload(
      ["text"],
      TEXT,
      () => (text: string | null) => (text === null ? "NULL" : inTextLimit(quoteLiteral(text))),
    ),
  ],
  { anyAsText: true, strict: false },
);
