import { scaleOfText } from "../../model/decimal.ts";
import type { SqlType } from "../../model/sql-type.ts";

/** What a decimal type, or an array of it, would round of a value; undefined when nothing. */
export function roundingOf(text: string, type: SqlType): string | undefined {
  const target = type.kind === "array" ? type.element : type;
  if (target.kind !== "decimal") return undefined;
  const parts = type.kind === "array" ? text.split(/[\s{}[\]",]+/) : [text];
  const finer = parts.find((part) => (scaleOfText(part) ?? 0) > target.scale);
  return finer === undefined ? undefined : `${finer} has more than ${target.scale} fraction digits`;
}
