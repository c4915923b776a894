// What a cast asks for. The type comes from the same spellings as a column's; the length of `varchar(n)` matters to a cast alone.
import type { Node, TypeName } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { SqlType } from "../../model/sql-type.ts";
import { sqlTypeOf } from "../parse/type-name.ts";
import type { BindSession } from "./session.ts";
import { at, namesOf } from "./syntax.ts";

export interface CastTarget {
  readonly type: SqlType;
  /** Of `varchar(n)` and `char(n)`: longer text is cut, by the standard. */
  readonly maxLength: number | undefined;
}

/** The last part of the name, as PostgreSQL labels columns by it. */
export function typeNameText(typeName: TypeName): string {
  return namesOf(typeName.names).at(-1) ?? "";
}

export function isInterval(typeName: TypeName): boolean {
  return typeNameText(typeName) === "interval";
}

export function integerOf(node: Node | undefined): number | undefined {
  return node !== undefined && "A_Const" in node && node.A_Const.ival !== undefined
    ? (node.A_Const.ival.ival ?? 0)
    : undefined;
}

export function castTarget(session: BindSession, typeName: TypeName): CastTarget {
  const type = castType(session, typeName);
  return { type, maxLength: type.kind === "text" ? integerOf(typeName.typmods?.[0]) : undefined };
}

function castType(session: BindSession, typeName: TypeName): SqlType {
  try {
    return sqlTypeOf(typeName, session.text);
  } catch (error) {
    if (!(error instanceof DbError)) throw error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    throw new DbError(error.code, error.message, { cause: error, ...at(session.position(error.position)), ...hint });
  }
}
