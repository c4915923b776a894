// What an aggregate function in JavaScript is to SQLite: a state for each group, made anew from each row. NULLs arrive too.
import type { SqliteValue } from "../../../model/sql-type.ts";

export interface AggregateDefinition {
  readonly name: string;
  start(): unknown;
  step(state: unknown, ...args: SqliteValue[]): unknown;
  /** Undoes `step` for a row that leaves a window. Without it the aggregate is none over windows. */
  readonly inverse?: (state: unknown, ...args: SqliteValue[]) => unknown;
  result(state: unknown): SqliteValue;
}

interface Steps<State> {
  readonly start: () => State;
  readonly step: (state: State, ...args: SqliteValue[]) => State;
  readonly inverse?: (state: State, ...args: SqliteValue[]) => State;
  readonly result: (state: State) => SqliteValue;
}

export function defineAggregate<State>(
  name: string,
  { start, step, inverse, result }: Steps<State>,
): AggregateDefinition {
  // SQLite hands back what `start` and `step` made, which is what makes the narrower type true.
  const erased = (change: Steps<State>["step"]): ((state: unknown, ...args: SqliteValue[]) => unknown) =>
    change as (state: unknown, ...args: SqliteValue[]) => unknown;
  return {
    name,
    start,
    step: erased(step),
    ...(inverse === undefined ? {} : { inverse: erased(inverse) }),
    result: result as (state: unknown) => SqliteValue,
  };
}

/** The name an aggregate is registered under. */
export function sqliteAggregateName(name: string): string {
  return `ka_${name}`;
}
