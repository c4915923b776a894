// Calls of registered functions: which overload a name and its arguments mean, and the arguments brought to its types.
import { DbError } from "../../base/errors.ts";
import type { Expr } from "../expression.ts";
import type { ResolvedFunction } from "../functions/definition.ts";
import { FUNCTION_NAMES, functionNamed, lookupFunction } from "../functions/registry.ts";
import { missingBecause } from "./missing-functions.ts";
import { castTo, type Operand, operandType, settled, typed, typeLabel } from "./operand.ts";
import type { BindSession } from "./session.ts";
import { didYouMean } from "./suggest.ts";
import { at } from "./syntax.ts";

export function applyFunction(
  session: BindSession,
  resolved: ResolvedFunction,
  operands: readonly Operand[],
  position: number | undefined,
): Expr {
  // What cannot be bounded by its input must be stoppable, and only a query process is.
  if (!resolved.definition.bounded) session.forbidPoint();
  if (!resolved.definition.deterministic) session.noteVolatile({ name: resolved.name, position });
  const args = operands.map((operand, index) => {
    const type = resolved.argTypes[index];
    // The overload was chosen knowing what may be cast to it; `||` goes further and takes the text form of anything.
    return type === undefined ? settled(operand) : castTo(operand, type);
  });
  const call: Expr = { kind: "call", type: resolved.type, name: resolved.name, args };
  session.notePosition(call, position);
  return call;
}

export function callFunction(
  session: BindSession,
  name: string,
  operands: readonly Operand[],
  position: number | undefined,
): Operand {
  const resolved = lookupFunction(name, operands.map(operandType));
  if (resolved === undefined) throw functionNotFound(name, operands, position);
  return typed(applyFunction(session, resolved, operands, position), position);
}

export function functionNotFound(name: string, operands: readonly Operand[], position: number | undefined): DbError {
  const reason = functionNamed(name) === undefined ? missingBecause(name) : undefined;
  if (reason !== undefined) {
    return new DbError("UNSUPPORTED", `function ${name} is not supported: ${reason}`, at(position));
  }
  const labels = operands.map((operand) => typeLabel(operandType(operand)));
  const hint =
    functionNamed(name) === undefined
      ? didYouMean(name, FUNCTION_NAMES)
      : { hint: "No function matches the given name and argument types. You might need to add explicit type casts." };
  return new DbError("SQL_EXECUTION_ERROR", `function ${name}(${labels.join(", ")}) does not exist`, {
    ...at(position),
    ...hint,
  });
}
