// The frames of one group, behind one interface: what differs between the two protocol families stays in this file and in `protocol`.
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";
import type { Dialect } from "../protocol/dialect.ts";
import { progressMessage } from "../protocol/down.ts";
import type { Frame, Spliced } from "../protocol/frame.ts";
import { createNativeEncoder, type RowChange } from "../protocol/native-encoder.ts";
import { createPeerEncoder, type PeerEncoder } from "../protocol/peer-encoder.ts";
import type { LivePlan } from "../sql/plan.ts";
import type { Entry } from "./delivery.ts";

/** The changes of one commit for one group, encoded once for all its subscribers. */
export interface CommitFrames {
  readonly position: Seq;
  readonly changes: readonly RowChange[];
  /** Native: one frame, the same for everyone. */
  readonly shared: Frame | undefined;
  /** Peer: one message a row, waiting for the subscription id. */
  readonly spliced: readonly Spliced[];
}

export interface Batch {
  readonly entries: readonly Entry[];
  readonly batch: number;
  readonly more: boolean;
  /** A resume from here misses nothing. */
  readonly through: Seq;
}

/** Frames that depend on the query: one encoder a group. */
export interface GroupEncoder {
  /** The answer to a subscribe, sent before its data is read; undefined when batch 0 brings it. */
  opening(id: string, options: { readonly resumed: boolean; readonly hasData: boolean }): Frame | undefined;
  batch(id: string, batch: Batch): readonly Frame[];
  commit(position: Seq, changes: readonly RowChange[]): CommitFrames;
  /** History as changes, for one subscriber. */
  replay(id: string, seq: Seq, changes: readonly RowChange[]): readonly Frame[];
  /** Undefined: the protocol has no such frame. */
  progress(position: Seq): Frame | undefined;
}

export interface EncoderOptions {
  readonly dialect: Dialect;
  readonly channel: number;
  readonly epoch: string;
}

export function createGroupEncoder(plan: LivePlan, options: EncoderOptions): GroupEncoder {
  return options.dialect.protocol === "native" ? nativeGroupEncoder(plan, options) : peerGroupEncoder(plan, options);
}

function nativeGroupEncoder(plan: LivePlan, { dialect, channel, epoch }: EncoderOptions): GroupEncoder {
  const encoder = createNativeEncoder(dialect.format, plan);
  const { keyIndex } = plan.table;
  return {
    opening: (id, { resumed }) => encoder.ack({ channel, epoch, resumed }).withId(id),
    batch(id, { entries, batch, more, through }) {
      const { rows, endedKeys } = newestByKey(entries, keyIndex);
      const ended = endedKeys.length === 0 ? {} : { deletedKeys: endedKeys };
      const ready = more ? {} : { readyAt: through };
      return [encoder.snapshot({ page: batch, rows, ...ended, ...ready }).withId(id)];
    },
    commit: (position, changes) => ({
      position,
      changes,
      shared: encoder.changes(channel, position, changes),
      spliced: [],
    }),
    replay: (id, seq, changes) => [encoder.changesFor(seq, changes).withId(id)],
    progress: (position) => progressMessage(channel, position),
  };
}

/** A page says of a key once what became of it: history may hold older versions too. */
function newestByKey(
  entries: readonly Entry[],
  keyIndex: number,
): { readonly rows: readonly RowVersion[]; readonly endedKeys: readonly Cell[] } {
  const newest = new Map<Cell, Entry>();
  for (const entry of entries) {
    const key = entry.version.cells[keyIndex] ?? null;
    // Deleting first keeps the order of `_seq`.
    newest.delete(key);
    newest.set(key, entry);
  }
  const rows: RowVersion[] = [];
  const endedKeys: Cell[] = [];
  for (const [key, entry] of newest) {
    if (entry.matches) rows.push(entry.version);
    else endedKeys.push(key);
  }
  return { rows, endedKeys };
}

function peerGroupEncoder(plan: LivePlan, { dialect }: EncoderOptions): GroupEncoder {
  const encoder = createPeerEncoder(dialect.format, plan);
  return {
    opening: (id, { hasData }) =>
      hasData ? undefined : encoder.ack({ batchNum: 0, hasMore: false, lastSeq: undefined }).withId(id),
    batch(id, { entries, batch, more }) {
      const rows = entries.map((entry) => entry.version);
      const control = { batchNum: batch, hasMore: more, lastSeq: rows.at(-1)?.seq };
      const frame = encoder.batch(rows, control).withId(id);
      return batch === 0 ? [encoder.ack(control).withId(id), frame] : [frame];
    },
    commit: (position, changes) => ({
      position,
      changes,
      shared: undefined,
      spliced: changes.map((change) => peerChange(encoder, change)),
    }),
    replay: (id, _seq, changes) => changes.map((change) => peerChange(encoder, change).withId(id)),
    progress: () => undefined,
  };
}

function peerChange(encoder: PeerEncoder, change: RowChange): Spliced {
  switch (change.kind) {
    case "insert":
      return encoder.insert(change.after);
    case "update":
      return encoder.update(change.before, change.after);
    default:
      return encoder.delete(change.before, change.seq);
  }
}
