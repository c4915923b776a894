// Names of tables, columns and namespaces: how they are spelled in statements, and which ones may not be created.
import type { RangeVar } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import { type Name, parseName } from "../../base/ids.ts";
import type { TableRef } from "../statement.ts";
import type { Cursor } from "./tokens.ts";

const RESERVED_NAMESPACES = new Set(
  `system sys root kalamdb kalam main default sql admin internal information_schema pg_catalog datafusion`.split(" "),
);
const SYSTEM_NAMESPACES = new Set(["system", "information_schema", "pg_catalog", "datafusion"]);
const RESERVED_COLUMNS = new Set(
  "_seq _deleted _id _row_id _rowid _key _updated _created _timestamp _version _hash".split(" "),
);
/** PostgreSQL's reserved words, which could not be written without quotes. `user` is left out: too many tables have such a column. */
const RESERVED_WORDS = new Set(
  `all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create current_catalog
  current_date current_role current_time current_timestamp current_user default deferrable desc distinct do else end except false
  fetch for foreign from grant group having in initially intersect into lateral leading limit localtime localtimestamp not null
  offset on only or order placing primary references returning select session_user some symmetric system_user table then to
  trailing true union unique using variadic when where window with`.split(/\s+/),
);
export function parseNewName(text: string, what: string): Name {
  const folded = text.toLowerCase();
  if (RESERVED_WORDS.has(folded)) {
    throw new DbError("INVALID_NAME", `Name '${folded}' is a reserved SQL keyword and cannot be used`);
  }
  return parseName(text, what);
}

export function parseNewNamespace(text: string): Name {
  if (RESERVED_NAMESPACES.has(text.toLowerCase())) {
    throw new DbError("INVALID_NAME", `Namespace '${text.toLowerCase()}' is reserved and cannot be used`);
  }
  return parseNewName(text, "Namespace name");
}

export function parseNewColumn(text: string): Name {
  if (RESERVED_COLUMNS.has(text.toLowerCase())) {
    throw new DbError("INVALID_NAME", `Column name '${text.toLowerCase()}' is reserved and cannot be used`);
  }
  return parseNewName(text, "Column name");
}

export function assertNewTable(table: TableRef): void {
  if (table.namespace !== undefined && SYSTEM_NAMESPACES.has(table.namespace)) {
    throw new DbError("INVALID_NAME", `Tables cannot be created in system namespace '${table.namespace}'`);
  }
  parseNewName(table.name, "Table name");
}

/** `ns.user.table` is a spelling of `ns.table`; no other name has three parts. */
function tableRef(parts: readonly string[], position?: number): TableRef {
  const [last = ""] = parts.slice(-1);
  const isUserSpelling = parts.length === 3 && parts[1]?.toLowerCase() === "user";
  if (parts.length > 2 && !isUserSpelling) {
    const message = `cross-database references are not implemented: ${JSON.stringify(parts.join("."))}`;
    throw new DbError("UNSUPPORTED", message, position === undefined ? {} : { position });
  }
  const [namespace] = parts.length > 1 ? parts : [];
  return {
    namespace: namespace === undefined ? undefined : parseName(namespace, "Namespace name"),
    name: parseName(last, "Table name"),
  };
}

export function tableRefOf(node: RangeVar): TableRef {
  const parts = [node.catalogname, node.schemaname, node.relname];
  return tableRef(parts.filter((part): part is string => part !== undefined));
}

/** Reads `[ns.]table` or `ns.user.table`. */
export function takeTableRef(cursor: Cursor): TableRef {
  const position = cursor.peek().start;
  const parts: string[] = [];
  do {
    const { kind, text } = cursor.peek();
    if (kind !== "word" && kind !== "name") throw cursor.unexpected();
    parts.push(text);
    cursor.take();
  } while (cursor.takeSymbol("."));
  return tableRef(parts, position);
}
