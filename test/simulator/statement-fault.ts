// Why a statement cannot have made one row of another. What it may have read elsewhere is judged by `source-judge.ts`.
import { type ModelRow, textOf } from "./row.ts";
import { finds, updated, upserted } from "./statement.ts";
import type { WriteOp } from "./step.ts";

export function faultOf(
  op: Exclude<WriteOp, { kind: "fail" }>,
  row: ModelRow,
  before: ModelRow | undefined,
): string | undefined {
  switch (op.kind) {
    case "delete":
    case "truncate":
      return "a DELETE makes no row";
    case "copy":
      return op.orNothing && before !== undefined ? "the key was there" : undefined;
    case "attach":
      if (before === undefined) return "there was no row to change";
      return textOf(before) === textOf(row) ? undefined : `the row was ${textOf(before)}`;
    case "join": {
      if (before === undefined) return "there was no row to change";
      const left = { ...before, n: row.n, note: row.note };
      return textOf(left) === textOf(row) ? undefined : `the rest was ${textOf(before)}`;
    }
    case "upsert": {
      const given = op.rows.find((each) => each.id === row.id);
      const left = given === undefined ? undefined : upserted(op, given, before);
      return textOf(left) === textOf(row) ? undefined : `an UPSERT makes ${textOf(left)}`;
    }
    case "put":
    case "insert": {
      const given = op.rows.find((each) => each.id === row.id);
      if (textOf(given) !== textOf(row)) return `given was ${textOf(given)}`;
      return op.kind === "insert" && before !== undefined ? "the key was there" : undefined;
    }
    default:
      if (before === undefined) return "there was no row to change";
      if (!finds(op.where, before)) return `${JSON.stringify(op.where)} excludes the row`;
      return textOf(updated(op, before)) === textOf(row)
        ? undefined
        : `${op.kind} makes ${textOf(updated(op, before))}`;
  }
}
