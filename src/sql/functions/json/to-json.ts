// to_jsonb (and to_json): a value of any type as a document. Numbers and booleans are themselves, documents stay, all else is a string of its text;
// a date with a time has the T of ISO 8601.
import { JSON_TYPE, type TypeKind } from "../../../model/sql-type.ts";
import { castCell } from "../casts.ts";
import { alias, defineFunction, type Overload, preparedOverload } from "../definition.ts";
import { jsonbText, parseJsonTree } from "./tree.ts";

const NUMBERS: readonly TypeKind[] = ["smallint", "int", "bigint", "decimal", "float", "double"];
const KINDS: readonly TypeKind[] = [
  ...NUMBERS,
  "timestamp",
  "datetime",
  "boolean",
  "text",
  "date",
  "time",
  "uuid",
  "bytes",
  "interval",
  "json",
  "embedding",
];

function overloadFor(kind: TypeKind): Overload {
  return preparedOverload([kind], JSON_TYPE, ([type = { kind: "text" }]) => {
    const toText = castCell(type, { kind: "text" });
    return (cell) => {
      if (kind === "embedding") return jsonbText(parseJsonTree(String(toText(cell))));
      if (kind === "json") return jsonbText(parseJsonTree(String(cell)));
      const text = String(toText(cell));
      if (kind === "boolean") return text;
      // Infinity is no number of JSON.
      if (NUMBERS.includes(kind) && /\d/.test(text)) return jsonbText(parseJsonTree(text));
      if (kind === "datetime") return JSON.stringify(`${text.replace(" ", "T")}:00`);
      return JSON.stringify(kind === "timestamp" ? text.replace(" ", "T") : text);
    };
  });
}

export const toJsonb = defineFunction("to_jsonb", KINDS.map(overloadFor));
export const toJson = alias("to_json", toJsonb);
