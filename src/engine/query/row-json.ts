// Result rows as response text, straight from SQLite's values: the same bytes as the type table's cell encoding, without building cells where the text can be
// had from the value itself.
import type { SqliteValue, SqlType } from "../../model/sql-type.ts";
import { cellFromSqlite, cellToJson } from "../../model/types.ts";

type EncodeValue = (value: SqliteValue) => string;

function viaCell(type: SqlType): EncodeValue {
  return (value) => cellToJson(cellFromSqlite(value, type), type);
}

function encoderOf(type: SqlType): EncodeValue {
  const general = viaCell(type);
  switch (type.kind) {
    case "boolean":
      return (value) => (value === 1 ? "true" : value === 0 ? "false" : general(value));
    case "smallint":
    case "int":
    case "date":
    case "time":
      return (value) => (typeof value === "number" ? String(value) : general(value));
    case "bigint":
      // Wide values arrive as SQLite's own decimal text.
      return (value) => (typeof value === "string" ? `"${value}"` : general(value));
    case "text":
    case "json":
    case "uuid":
    case "file":
      return (value) => (typeof value === "string" ? JSON.stringify(value) : general(value));
    case "timestamp":
    case "datetime":
      return (value) => (typeof value === "string" ? value : general(value));
    case "float":
    case "double":
    case "decimal":
    case "bytes":
    case "interval":
    case "array":
    case "embedding":
      return general;
  }
}

/** A row as a JSON array. */
export function rowEncoder(types: readonly SqlType[]): (row: readonly SqliteValue[]) => string {
  const encoders = types.map(encoderOf);
  return (row) => {
    let text = "[";
    for (let index = 0; index < encoders.length; index += 1) {
      const encode = encoders[index];
      if (index > 0) text += ",";
      text += encode?.(row[index] ?? null) ?? "null";
    }
    return `${text}]`;
  };
}
