// Messages of the peer protocol that carry rows: one message per changed row, rows as maps, the client's own subscription id in each.
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { Frame, Spliced, WireFormat } from "./frame.ts";
import type { JsonValue } from "./json.ts";
import { createMsgpackNotation, jsonNotation, type Notation } from "./notation.ts";
import {
  changedRowEncoder,
  deletedField,
  type Field,
  keyField,
  keyPosition,
  projectedFields,
  type RowLayout,
  rowMapEncoder,
  seqField,
  tombstone,
} from "./row-layout.ts";
import { schemaFields } from "./schema-field.ts";

export type BatchStatus = "loading" | "loading_batch" | "ready";

export interface BatchControl {
  readonly batchNum: number;
  readonly hasMore: boolean;
  readonly lastSeq: Seq | undefined;
}

/** `ready` exactly when nothing more follows. */
export function batchStatus(control: BatchControl): BatchStatus {
  if (!control.hasMore) return "ready";
  return control.batchNum === 0 ? "loading" : "loading_batch";
}

function controlValue(control: BatchControl): JsonValue {
  return {
    batch_num: control.batchNum,
    has_more: control.hasMore,
    status: batchStatus(control),
    // An integer, though cells carry it as text: the Rust client reads it as an i64.
    last_seq_id: control.lastSeq ?? null,
  };
}

/** Everything but the subscription id is encoded once; `withId` is a splice. */
export interface PeerEncoder {
  ack(control: BatchControl): Spliced;
  batch(rows: readonly RowVersion[], control: BatchControl): Spliced;
  insert(after: RowVersion): Spliced;
  /** Every projected column of the new row, NULLs included; of the old row what changed. */
  update(before: RowVersion, after: RowVersion): Spliced;
  /** For deletes and for rows that stop matching. `seq` is the position that ended the row, never the row's own. */
  delete(before: RowVersion, seq: Seq): Spliced;
}

/** One per query shape and format. */
export function createPeerEncoder(format: WireFormat, layout: RowLayout): PeerEncoder {
  return format === "json" ? peerEncoder(jsonNotation, layout) : peerEncoder(createMsgpackNotation(), layout);
}

function peerEncoder<F extends Frame>(notation: Notation<F>, layout: RowLayout): PeerEncoder {
  const projected = projectedFields(layout);
  const key = keyField(layout);
  const unprojectedKey: readonly Field[] = keyPosition(layout) === undefined ? [key] : [];
  const seq = seqField();

  const whole = layout.wholeRow ? [...projected, seq, deletedField()] : [...projected, seq];
  const wholeRow = rowMapEncoder(notation, whole);
  const newRow = rowMapEncoder(notation, [...projected, ...unprojectedKey, seq]);
  const oldRow = changedRowEncoder(notation, projected, [key, seq]);
  const lastRow = rowMapEncoder(notation, [...projected, ...unprojectedKey, seq, deletedField()]);

  const ackMessage = notation.addressed("subscription_ack", ["total_rows", "batch_control", "schema"]);
  const batchMessage = notation.addressed("initial_data_batch", ["rows", "batch_control"]);
  const changeMessage = notation.addressed("change", ["change_type", "rows", "old_values"]);
  const totalRows = notation.value(0);
  const schema = notation.value(schemaFields(layout.output));
  const insertType = notation.value("insert");
  const updateType = notation.value("update");
  const deleteType = notation.value("delete");

  return {
    ack: (control) => ackMessage([totalRows, notation.value(controlValue(control)), schema]),
    batch: (rows, control) => batchMessage([notation.list(rows.map(wholeRow)), notation.value(controlValue(control))]),
    insert: (after) => changeMessage([insertType, notation.list([wholeRow(after)]), undefined]),
    update: (before, after) =>
      changeMessage([updateType, notation.list([newRow(after)]), notation.list([oldRow(before, after)])]),
    delete: (before, endSeq) =>
      changeMessage([deleteType, undefined, notation.list([lastRow(tombstone(before, endSeq))])]),
  };
}
