// Cells as people read them: the text that a cast to TEXT gives on the server, so that what is shown can be pasted into a statement.

import type { Column, Value } from "../link/index.ts";
import { formatDate, formatTime, formatTimestamp } from "../model/temporal.ts";

const NUMBERS = /^(?:SmallInt|Int|BigInt|Float|Double|Decimal\b.*)$/;
const ARRAY = /^Array\((.*)\)$/;

export function isNumeric(column: Column): boolean {
  return NUMBERS.test(column.type);
}

function isWhole(value: Value): value is number | bigint {
  return typeof value === "bigint" || (typeof value === "number" && Number.isInteger(value));
}

/** Undefined: NULL. */
export function cellText(value: Value, type: string): string | undefined {
  if (value === null) return undefined;
  if (value instanceof Uint8Array) return `\\x${value.toHex()}`;
  if (isList(value)) return listText(value, type);
  return temporalText(value, type) ?? String(value);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function temporalText(value: Value, type: string): string | undefined {
  if (!isWhole(value)) return undefined;
  switch (type) {
    case "Timestamp":
      return formatTimestamp(BigInt(value));
    case "DateTime":
      return `${formatTimestamp(BigInt(value))}+00`;
    case "Date":
      return formatDate(Number(value));
    case "Time":
      return formatTime(Number(value));
    default:
      return undefined;
  }
}

/** An array as PostgreSQL prints it, an embedding as it is written in a statement. */
function listText(values: readonly Value[], type: string): string {
  const element = ARRAY.exec(type)?.[1];
  if (element === undefined) return `[${values.map(String).join(",")}]`;
  const items = values.map((value) => {
    const text = cellText(value, element);
    return text === undefined ? "NULL" : isList(value) ? text : quotedItem(text);
  });
  return `{${items.join(",")}}`;
}

function quotedItem(text: string): string {
  const isPlain = text !== "" && !/[{}",\\\s]/.test(text) && text.toUpperCase() !== "NULL";
  return isPlain ? text : `"${text.replace(/["\\]/g, "\\$&")}"`;
}
