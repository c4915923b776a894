// SQLite text of calls and casts, over the texts of their arguments.
import { type SqlType, sameType, type TypeKind } from "../../model/sql-type.ts";
import type { FunctionName } from "./names.ts";
import { overloadOf } from "./registry.ts";
import { castArguments, scaleArguments, sqliteCastName, sqliteName } from "./sqlite-names.ts";

/** bun:sqlite makes an INTEGER of a function's integral double; the sum makes every such value REAL again. */
function asReal(text: string, kind: TypeKind): string {
  return kind === "double" || kind === "float" ? `(${text} + 0.0)` : text;
}

/** A column, a slot or a number. Anything larger would double the text with each level it is nested. */
function isAtom(text: string): boolean {
  return /^(?:[a-z]\w*\.\w+|\?\d+|\d+)$/.test(text);
}

/** `args` are SQLite expressions in storage form, of exactly `argTypes`. The text is safe as an operand of any operator. */
export function renderCall(name: FunctionName, args: readonly string[], argTypes: readonly SqlType[]): string {
  const { overload } = overloadOf(name, argTypes);
  if (overload.sqlite !== undefined) return overload.sqlite(args);
  const all = [...args, ...scaleArguments(overload, argTypes)];
  const call = `${sqliteName(name, overload)}(${all.join(", ")})`;
  if (overload.inline !== undefined && args.every(isAtom)) return overload.inline(args, call);
  return asReal(call, overload.returns(argTypes).kind);
}

const INTEGERS: readonly TypeKind[] = ["smallint", "int", "bigint"];
const INSTANTS: readonly TypeKind[] = ["timestamp", "datetime"];

/** Both types store these values the same way. */
function isSameForm(from: TypeKind, to: TypeKind): boolean {
  if (INTEGERS.includes(from) && INTEGERS.includes(to)) return INTEGERS.indexOf(from) <= INTEGERS.indexOf(to);
  if (INSTANTS.includes(from) && INSTANTS.includes(to)) return true;
  if (to === "text") return from === "json" || from === "uuid" || from === "file";
  if (to === "json") return from === "file";
  return (from === "boolean" && INTEGERS.includes(to)) || (from === "float" && to === "double");
}

/** Converts the storage form of one type into that of another. */
export function renderCast(arg: string, from: SqlType, to: SqlType): string {
  if (sameType(from, to) || isSameForm(from.kind, to.kind)) return arg;
  if (INTEGERS.includes(from.kind) && to.kind === "double") return `CAST(${arg} AS REAL)`;
  const args = [arg, ...castArguments(from, to)];
  return asReal(`${sqliteCastName(from.kind, to.kind)}(${args.join(", ")})`, to.kind);
}
