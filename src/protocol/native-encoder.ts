// Messages of the native protocol that carry rows or positions. Rows are arrays; what a commit did to a query is one frame, addressed by
// channel so that one publish serves every subscriber of the group.
import { assertNever } from "../base/errors.ts";
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";
import type { Frame, Spliced, WireFormat } from "./frame.ts";
import { createMsgpackNotation, jsonNotation, type Notation } from "./notation.ts";
import {
  deletedField,
  keyField,
  keyPosition,
  projectedFields,
  type RowLayout,
  rowListEncoder,
  seqField,
  tombstone,
} from "./row-layout.ts";
import { schemaFields } from "./schema-field.ts";

export type RowChange =
  | { readonly kind: "insert"; readonly after: RowVersion }
  | { readonly kind: "update"; readonly before: RowVersion; readonly after: RowVersion }
  /** A delete or a row that stops matching; `seq` is the position that ended it. */
  | { readonly kind: "delete"; readonly before: RowVersion; readonly seq: Seq };

export interface AckFields {
  readonly channel: number;
  readonly epoch: string;
  /** True when the cursor was accepted: what follows is the difference since it. */
  readonly resumed: boolean;
}

export interface SnapshotPage {
  readonly page: number;
  readonly rows: readonly RowVersion[];
  /** Keys (cells of the key column) that are gone since the cursor. Only in a resume. */
  readonly deletedKeys?: readonly Cell[];
  /** Given on the last page: the position up to which the client now knows everything. */
  readonly readyAt?: Seq;
}

export interface NativeEncoder {
  ack(fields: AckFields): Spliced;
  snapshot(page: SnapshotPage): Spliced;
  /** All that one commit did to the query, for everyone who listens to the channel. */
  changes(channel: number, seq: Seq, changes: readonly RowChange[]): Frame;
  /** The same for one subscriber: changes held back while its snapshot was read. */
  changesFor(seq: Seq, changes: readonly RowChange[]): Spliced;
  /** Later frames of the channel use this encoder's layout. */
  schema(channel: number): Frame;
}

/** One per query shape and format. */
export function createNativeEncoder(format: WireFormat, layout: RowLayout): NativeEncoder {
  return format === "json" ? nativeEncoder(jsonNotation, layout) : nativeEncoder(createMsgpackNotation(), layout);
}

interface RowEncoders<F> {
  readonly row: (row: RowVersion) => F;
  readonly key: (row: RowVersion) => F;
}

function changeEncoder<F extends Frame>(notation: Notation<F>, { row, key }: RowEncoders<F>): (change: RowChange) => F {
  const entry = notation.record(["op", "key", "row", "old"]);
  const insertOp = notation.value("insert");
  const updateOp = notation.value("update");
  const deleteOp = notation.value("delete");
  return (change) => {
    switch (change.kind) {
      case "insert":
        return entry([insertOp, key(change.after), row(change.after), undefined]);
      case "update":
        return entry([updateOp, key(change.after), row(change.after), row(change.before)]);
      case "delete":
        return entry([deleteOp, key(change.before), undefined, row(tombstone(change.before, change.seq))]);
      default:
        return assertNever(change, "row change");
    }
  };
}

function nativeEncoder<F extends Frame>(notation: Notation<F>, layout: RowLayout): NativeEncoder {
  const projected = projectedFields(layout);
  const row = rowListEncoder(notation, layout.wholeRow ? [...projected, seqField(), deletedField()] : projected);
  const keyOf = keyField(layout);
  const key = rowListEncoder(notation, [keyOf]);
  const change = changeEncoder(notation, { row, key });
  const keyInRow = keyPosition(layout);

  const schema = notation.value(schemaFields(layout.output));
  const keyIndexes = notation.value(keyInRow === undefined ? null : [keyInRow]);
  const ackMessage = notation.addressed("subscription_ack", ["channel", "epoch", "resumed", "schema", "key"]);
  const snapshotMessage = notation.addressed("snapshot", ["page", "rows", "keys", "deleted", "ready", "seq"]);
  const changesMessage = notation.record(["type", "channel", "seq", "changes"]);
  const changesForMessage = notation.addressed("changes", ["seq", "changes"]);
  const schemaMessage = notation.record(["type", "channel", "schema", "key"]);
  const changesType = notation.value("changes");
  const position = (seq: Seq): F => notation.value(seq.toString());

  return {
    ack: (fields) =>
      ackMessage([
        notation.value(fields.channel),
        notation.value(fields.epoch),
        notation.value(fields.resumed),
        schema,
        keyIndexes,
      ]),
    snapshot: (page) =>
      snapshotMessage([
        notation.value(page.page),
        notation.list(page.rows.map(row)),
        keyInRow === undefined ? notation.list(page.rows.map(key)) : undefined,
        page.deletedKeys === undefined
          ? undefined
          : notation.list(page.deletedKeys.map((cell) => notation.list([notation.cell(cell, keyOf.type)]))),
        notation.value(page.readyAt !== undefined),
        page.readyAt === undefined ? undefined : position(page.readyAt),
      ]),
    changes: (channel, seq, changes) =>
      changesMessage([changesType, notation.value(channel), position(seq), notation.list(changes.map(change))]),
    changesFor: (seq, changes) => changesForMessage([position(seq), notation.list(changes.map(change))]),
    schema: (channel) => schemaMessage([notation.value("schema"), notation.value(channel), schema, keyIndexes]),
  };
}
