// Expressions that only a query process may evaluate, told by name: what holds a query, or a function whose time has no bound.
import { type CompileOptions, compile } from "../compile.ts";
import type { Expr } from "../expression.ts";
import { OPERATORS } from "../functions/operators.ts";
import { overloadOf } from "../functions/registry.ts";
import type { Evaluate } from "../plan.ts";
import type { BindSession } from "./session.ts";
import { unsupported } from "./syntax.ts";
import { walk } from "./walk.ts";

type Call = Extract<Expr, { readonly kind: "call" }>;

/** Syntax that the binder makes a call of. */
const SPELLED: Readonly<Record<string, string>> = {
  similar_to: "SIMILAR TO",
  substring_regexp: "substring with a pattern",
};

/** The first call below `expr` whose time has no bound, as its writer knows it: `the function repeat`, `the operator ~`. */
export function unboundedPart(expr: Expr): { readonly label: string; readonly call: Call } | undefined {
  const call = walk(expr).find((part): part is Call => part.kind === "call" && isUnbounded(part));
  return call && { label: labelOf(call.name), call };
}

function isUnbounded({ name, args }: Call): boolean {
  return !overloadOf(
    name,
    args.map((arg) => arg.type),
  ).definition.bounded;
}

function labelOf(name: string): string {
  const operator = OPERATORS.find((row) => row.name === name);
  return operator === undefined ? (SPELLED[name] ?? `the function ${name}`) : `the operator ${operator.symbol}`;
}

/** For the writer's thread, which nothing can interrupt. Throws UNSUPPORTED, with what stands in the way; `where` is the part of the statement. */
export function compileForWrite(
  { session, where }: { readonly session: BindSession; readonly where: string },
  expr: Expr,
  options: CompileOptions,
): Evaluate {
  const evaluate = compile(expr, options);
  if (evaluate !== undefined) return evaluate;
  const unbounded = unboundedPart(expr);
  if (unbounded === undefined) throw unsupported(`a sub-query in ${where}`);
  const { label, call } = unbounded;
  throw unsupported(
    `${label} in ${where}, since its time has no bound and a write cannot be interrupted,`,
    session.positionOf(call),
  );
}
