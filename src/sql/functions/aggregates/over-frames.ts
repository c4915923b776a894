// Aggregates over windows whose frame leaves rows behind, for those that cannot take a row back: the rows of the frame are kept, and gone through again
// once one has left, as PostgreSQL does. A frame that only grows is never gone through twice.
import { DbError } from "../../../base/errors.ts";
import type { SqliteValue } from "../../../model/sql-type.ts";
import { type AggregateDefinition, defineAggregate } from "./definition.ts";

const MAX_FRAME_ROWS = 100_000;

interface Frame {
  /** What the aggregate makes of the rows; undefined once one has left. */
  state: { readonly value: unknown } | undefined;
  readonly rows: (readonly SqliteValue[])[];
  /** Rows before it have left. */
  first: number;
}

/** The name of an aggregate's form for windows. */
export function windowAggregateName(name: string): string {
  return `${name}_window`;
}

function stateOf(frame: Frame, definition: AggregateDefinition): { readonly value: unknown } {
  const value = frame.rows
    .slice(frame.first)
    .reduce<unknown>((state, row) => definition.step(state, ...row), definition.start());
  return { value };
}

export function overFrames(definition: AggregateDefinition): AggregateDefinition {
  return defineAggregate<Frame>(windowAggregateName(definition.name), {
    start: () => ({ state: { value: definition.start() }, rows: [], first: 0 }),
    step: (frame, ...row) => {
      if (frame.rows.length - frame.first >= MAX_FRAME_ROWS) {
        const message = `${definition.name} takes at most ${MAX_FRAME_ROWS} rows of a window's frame`;
        throw new DbError("SQL_EXECUTION_ERROR", message);
      }
      frame.rows.push(row);
      if (frame.state !== undefined) frame.state = { value: definition.step(frame.state.value, ...row) };
      return frame;
    },
    inverse: (frame) => {
      frame.first += 1;
      frame.state = undefined;
      // What has left is let go of in bulk.
      if (frame.first * 2 > frame.rows.length) {
        frame.rows.splice(0, frame.first);
        frame.first = 0;
      }
      return frame;
    },
    result: (frame) => {
      frame.state ??= stateOf(frame, definition);
      return definition.result(frame.state.value);
    },
  });
}
