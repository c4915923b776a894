// Values of column defaults that are functions.
import type { UserId } from "../../base/ids.ts";
import type { DefaultFunction } from "../../model/schema.ts";
import { BIGINT, type Cell, type SqlType, TEXT, TIMESTAMP } from "../../model/sql-type.ts";
import { castCell } from "./casts.ts";
import type { Generators } from "./generators.ts";

export interface DefaultEnvironment {
  readonly generators: Generators;
  readonly user: UserId;
  /** The statement's time, µs since the Unix epoch. */
  readonly nowUs: bigint;
}

interface DefaultRow {
  readonly type: SqlType;
  readonly generate: (environment: DefaultEnvironment) => Cell;
}

const DEFAULTS: Readonly<Record<DefaultFunction, DefaultRow>> = {
  NOW: { type: TIMESTAMP, generate: ({ nowUs }) => nowUs },
  CURRENT_USER: { type: TEXT, generate: ({ user }) => user },
  SNOWFLAKE_ID: { type: BIGINT, generate: ({ generators }) => generators.snowflakeId() },
  UUID_V7: { type: { kind: "uuid" }, generate: ({ generators }) => generators.uuidV7() },
  ULID: { type: TEXT, generate: ({ generators }) => generators.ulid() },
};

/** The type a default has before it is cast to its column's. */
export function defaultType(name: DefaultFunction): SqlType {
  return DEFAULTS[name].type;
}

/** A new value, cast to the column's type (`castRule(defaultType(name), type)` must allow it). */
export function generateDefault(name: DefaultFunction, type: SqlType, environment: DefaultEnvironment): Cell {
  const row = DEFAULTS[name];
  return castCell(row.type, type)(row.generate(environment));
}
