import { arrayDocument, isArray } from "./array-call.ts";
import { callFunction } from "./call.ts";
import { type Operand, settled, typed } from "./operand.ts";
import type { BindSession } from "./session.ts";

/** A value of any type as a JSON document. */
export function documentOf(session: BindSession, operand: Operand): Operand {
  if (isArray(operand)) return typed(arrayDocument(session, settled(operand)), operand.position);
  return callFunction(session, "to_jsonb", [operand], operand.position);
}
