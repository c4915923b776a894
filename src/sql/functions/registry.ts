// Every function and operator by name, and which overload a call means. The only place that makes a FunctionName.
import { type SqlType, TEXT } from "../../model/sql-type.ts";
import { type FunctionDefinition, kindsFor, type Overload, type ResolvedFunction } from "./definition.ts";
import { FUNCTIONS } from "./function-list.ts";
import type { FunctionName } from "./names.ts";
import { isUserCallable, OPERATORS } from "./operators.ts";
import { bestOverload } from "./overload-choice.ts";

/** PostgreSQL's limit; SQLite's own is just above. */
const MAX_ARGUMENTS = 100;

const DEFINITIONS: ReadonlyMap<string, FunctionDefinition> = new Map(FUNCTIONS.map((f) => [f.name, f]));

/** Names a user may call, for "did you mean". */
export const FUNCTION_NAMES: readonly string[] = FUNCTIONS.map((f) => f.name)
  .filter(isUserCallable)
  .toSorted();

/** Undefined when no function has the name, whatever its arguments. */
export function functionNamed(name: string): FunctionDefinition | undefined {
  return isUserCallable(name) ? DEFINITIONS.get(name) : undefined;
}

function resolve(name: string, argTypes: readonly (SqlType | undefined)[]): ResolvedFunction | undefined {
  const definition = DEFINITIONS.get(name);
  if (definition === undefined || argTypes.length > MAX_ARGUMENTS) return undefined;
  const given = definition.anyAsText ? argTypes.map(() => TEXT) : argTypes;
  const choice = bestOverload(definition.overloads, given);
  if (choice === undefined) return undefined;
  const { overload, argTypes: targets } = choice;
  return { name: name as FunctionName, definition, overload, argTypes: targets, type: overload.returns(targets) };
}

/**
 * The overload a call means: the most arguments that need no cast, then the cheapest implicit casts. An undefined type is an untyped literal or
 * parameter: it takes what the overload asks for, text if it may choose. Undefined when no overload fits.
 */
export function lookupFunction(name: string, argTypes: readonly (SqlType | undefined)[]): ResolvedFunction | undefined {
  return isUserCallable(name) ? resolve(name, argTypes) : undefined;
}

/** As `lookupFunction`, for functions that only the binder calls, in the place of other syntax. */
export function internalFunction(name: string, argTypes: readonly SqlType[]): ResolvedFunction {
  const resolved = resolve(name, argTypes);
  if (resolved === undefined) throw new Error(`no function ${name}(${argTypes.map((type) => type.kind).join(", ")})`);
  return resolved;
}

export interface ResolvedOperator extends ResolvedFunction {
  /** The operator's value is NOT of the call (`!~~`, `!~`). */
  readonly negated: boolean;
}

/**
 * `operands` has one entry for a prefix operator. LIKE is `~~`, ILIKE `~~*`; a third operand is the ESCAPE. Comparison operators are not here: they are
 * a kind of expression, over `commonType`.
 */
export function resolveOperator(
  operator: string,
  operands: readonly (SqlType | undefined)[],
): ResolvedOperator | undefined {
  const row = OPERATORS.find(({ symbol, operands: count }) => symbol === operator && count.includes(operands.length));
  if (row === undefined) return undefined;
  // `||` takes anything beside text, as its text form.
  const asText = row.name === "concatenate" && operands.some((type) => type?.kind === "text");
  const types = asText ? operands.map(() => TEXT) : operands;
  const resolved = resolve(row.name, types);
  return resolved === undefined ? undefined : { ...resolved, negated: row.negated };
}

/** The overload of a call whose arguments have been cast to it. A miss is a bug of ours. */
export function overloadOf(
  name: FunctionName,
  argTypes: readonly SqlType[],
): { readonly definition: FunctionDefinition; readonly overload: Overload } {
  const definition = DEFINITIONS.get(name);
  const overload = definition?.overloads.find((candidate) =>
    kindsFor(candidate, argTypes.length)?.every((kind, i) => kind === argTypes[i]?.kind),
  );
  if (definition === undefined || overload === undefined) {
    throw new Error(`no overload of ${name} for (${argTypes.map((type) => type.kind).join(", ")})`);
  }
  return { definition, overload };
}
