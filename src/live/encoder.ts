// The frames of one group, behind one interface: what differs between the two protocol families stays in this file and in `protocol`.
import type { Seq } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { Cell } from "../model/sql-type.ts";
import type { Dialect } from "../protocol/dialect.ts";
import { progressMessage } from "../protocol/down.ts";
import type { Frame, Spliced, WireFormat } from "../protocol/frame.ts";
import { createNativeEncoder, type NativeEncoder, type RowChange } from "../protocol/native-encoder.ts";
import { createPeerEncoder, type PeerEncoder } from "../protocol/peer-encoder.ts";
import type { LivePlan } from "../sql/plan.ts";
import type { Entry } from "./delivery.ts";
import { rowKey } from "./row-key.ts";

/** The changes of one commit for one group, encoded once for all its subscribers. */
export interface CommitFrames {
  readonly position: Seq;
  readonly changes: readonly RowChange[];
  /** Native: one frame, the same for everyone. */
  readonly shared: Frame | undefined;
  /** Peer: one message a row, waiting for the subscription id. */
  readonly spliced: readonly Spliced[];
}

/**
 * The messages of a commit for one subscription after the other. Browsers name a subscription by its SQL, so most of a group have one id: they are sent the same text, since to
 * build one costs as much as to send it.
 */
export class Addressed {
  readonly #spliced: readonly Spliced[];
  #last: { readonly id: string; readonly frames: readonly Frame[] } | undefined;

  constructor({ spliced }: Pick<CommitFrames, "spliced">) {
    this.#spliced = spliced;
  }

  to(id: string): readonly Frame[] {
    if (this.#last?.id !== id) this.#last = { id, frames: this.#spliced.map((message) => message.withId(id)) };
    return this.#last.frames;
  }
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
  /** Says how the frames that follow are laid out; undefined where every row names its columns. */
  schema(): Frame | undefined;
}

export interface EncoderOptions {
  readonly dialect: Dialect;
  readonly channel: number;
  readonly epoch: string;
}

/**
 * Makes the encoders of groups. What they are built of depends on plan and format alone and is kept as long as the plan: groups that differ in their
 * values share it, and a live query nobody else asks costs little.
 */
export class GroupEncoders {
  readonly #native = { json: new WeakMap<LivePlan, NativeShape>(), msgpack: new WeakMap<LivePlan, NativeShape>() };
  readonly #peer = { json: new WeakMap<LivePlan, GroupEncoder>(), msgpack: new WeakMap<LivePlan, GroupEncoder>() };

  of(plan: LivePlan, { dialect, channel, epoch }: EncoderOptions): GroupEncoder {
    const { protocol, format } = dialect;
    if (protocol === "peer") return keptFor(this.#peer[format], plan, () => new PeerGroupEncoder(format, plan));
    const shape = keptFor(this.#native[format], plan, () => {
      return { encoder: createNativeEncoder(format, plan), keyIndex: plan.table.keyIndex, epoch };
    });
    return new NativeGroupEncoder(shape, channel);
  }
}

function keptFor<T>(kept: WeakMap<LivePlan, T>, plan: LivePlan, make: () => T): T {
  const known = kept.get(plan);
  if (known !== undefined) return known;
  const made = make();
  kept.set(plan, made);
  return made;
}

/** What the groups of one plan share. */
interface NativeShape {
  readonly encoder: NativeEncoder;
  readonly keyIndex: number;
  readonly epoch: string;
}

class NativeGroupEncoder implements GroupEncoder {
  readonly #shape: NativeShape;
  readonly #channel: number;

  constructor(shape: NativeShape, channel: number) {
    this.#shape = shape;
    this.#channel = channel;
  }

  opening(id: string, { resumed }: { readonly resumed: boolean }): Frame {
    const { encoder, epoch } = this.#shape;
    return encoder.ack({ channel: this.#channel, epoch, resumed }).withId(id);
  }

  batch(id: string, { entries, batch, more, through }: Batch): readonly Frame[] {
    const { rows, endedKeys } = newestByKey(entries, this.#shape.keyIndex);
    const ended = endedKeys.length === 0 ? {} : { deletedKeys: endedKeys };
    const ready = more ? {} : { readyAt: through };
    return [this.#shape.encoder.snapshot({ page: batch, rows, ...ended, ...ready }).withId(id)];
  }

  commit(position: Seq, changes: readonly RowChange[]): CommitFrames {
    return { position, changes, shared: this.#shape.encoder.changes(this.#channel, position, changes), spliced: [] };
  }

  replay(id: string, seq: Seq, changes: readonly RowChange[]): readonly Frame[] {
    return [this.#shape.encoder.changesFor(seq, changes).withId(id)];
  }

  progress(position: Seq): Frame {
    return progressMessage(this.#channel, position);
  }

  schema(): Frame {
    return this.#shape.encoder.schema(this.#channel);
  }
}

/** A page says of a key once what became of it: history may hold older versions too. */
function newestByKey(
  entries: readonly Entry[],
  keyIndex: number,
): { readonly rows: readonly RowVersion[]; readonly endedKeys: readonly Cell[] } {
  const newest = new Map<unknown, Entry>();
  for (const entry of entries) {
    const key = rowKey(entry.version, keyIndex);
    // Deleting first keeps the order of `_seq`.
    newest.delete(key);
    newest.set(key, entry);
  }
  const rows: RowVersion[] = [];
  const endedKeys: Cell[] = [];
  for (const { version, matches } of newest.values()) {
    if (matches) rows.push(version);
    else endedKeys.push(version.cells[keyIndex] ?? null);
  }
  return { rows, endedKeys };
}

/** Frames of this family name no group, so groups of one plan share it. */
class PeerGroupEncoder implements GroupEncoder {
  readonly #encoder: PeerEncoder;

  constructor(format: WireFormat, plan: LivePlan) {
    this.#encoder = createPeerEncoder(format, plan);
  }

  opening(id: string, { hasData }: { readonly hasData: boolean }): Frame | undefined {
    return hasData ? undefined : this.#encoder.ack({ batchNum: 0, hasMore: false, lastSeq: undefined }).withId(id);
  }

  batch(id: string, { entries, batch, more }: Batch): readonly Frame[] {
    const rows = entries.map((entry) => entry.version);
    const control = { batchNum: batch, hasMore: more, lastSeq: rows.at(-1)?.seq };
    const frame = this.#encoder.batch(rows, control).withId(id);
    return batch === 0 ? [this.#encoder.ack(control).withId(id), frame] : [frame];
  }

  commit(position: Seq, changes: readonly RowChange[]): CommitFrames {
    const spliced = changes.map((change) => peerChange(this.#encoder, change));
    return { position, changes, shared: undefined, spliced };
  }

  replay(id: string, _seq: Seq, changes: readonly RowChange[]): readonly Frame[] {
    return changes.map((change) => peerChange(this.#encoder, change).withId(id));
  }

  progress(): undefined {
    return undefined;
  }

  schema(): undefined {
    return undefined;
  }
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
