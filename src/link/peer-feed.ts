// The peer protocol's feed: rows as maps, one change a message, positions found in the rows' `_seq`.
import { SEQ_COLUMN } from "../model/schema.ts";
import { nextBatchValue } from "../protocol/client-message.ts";
import type { SchemaField } from "../protocol/schema-field.ts";
import type { ServerMessage, WireRowMap } from "../protocol/server-message.ts";
import { type Cursor, formatCursor, isNew } from "./cursor.ts";
import {
  asksForData,
  type Feed,
  type FeedEvent,
  type FeedOptions,
  type FeedOutput,
  failed,
  type Key,
  LIVE_AT_ONCE,
  NOTHING,
  type SubscriptionEvent,
  subscribeRequest,
  withCursor,
} from "./feed.ts";
import { type Column, decodeCell, type Row, toColumns, type Value } from "./value.ts";

export function createPeerFeed(options: FeedOptions): Feed {
  return new PeerFeed(options);
}

type Of<K extends ServerMessage["kind"]> = Extract<ServerMessage, { kind: K }>;

class PeerFeed implements Feed {
  readonly #options: FeedOptions;
  readonly channel = undefined;
  #phase: Feed["phase"] = "subscribing";
  #wireId: string;
  #cursor: Cursor | undefined;
  #columns: readonly Column[] = [];
  #fieldByName: ReadonlyMap<string, SchemaField> = new Map();
  #keyNames: readonly string[] = [];

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#wireId = options.id;
    this.#cursor = options.from;
  }

  get id(): string {
    return this.#options.id;
  }

  get wireId(): string {
    return this.#wireId;
  }

  get sql(): string {
    return this.#options.sql;
  }

  get columns(): readonly Column[] {
    return this.#columns;
  }

  get phase(): Feed["phase"] {
    return this.#phase;
  }

  subscribe(wireId = this.id): ReturnType<Feed["subscribe"]> {
    this.#wireId = wireId;
    // Without a cursor nothing says what was missed meanwhile: the application is told.
    const isHole = this.#cursor === undefined && this.#phase === "live";
    this.#phase = "subscribing";
    return {
      request: { ...subscribeRequest(this.#options, this.#cursor), id: wireId },
      events: isHole ? [{ kind: "reset", reason: "interrupted" }] : [],
    };
  }

  receive(message: ServerMessage): FeedOutput {
    switch (message.kind) {
      case "peerAck":
        this.#columns = toColumns(message.schema);
        this.#fieldByName = new Map(message.schema.map((field) => [field.name, field]));
        this.#keyNames = message.schema.filter((field) => field.flags.includes("pk")).map((field) => field.name);
        this.#phase = asksForData(this.#options, this.#cursor) ? "loading" : "live";
        return this.#phase === "live" ? LIVE_AT_ONCE : NOTHING;
      case "peerBatch":
        return this.#onBatch(message);
      case "peerChange":
        return this.#onChange(message);
      case "error":
        return failed(message.code, message.message);
      default:
        return NOTHING;
    }
  }

  #onBatch(message: Of<"peerBatch">): FeedOutput {
    const events: SubscriptionEvent[] = [];
    if (!message.rows.every((row) => isNew(seqOf(row), this.#cursor))) {
      // A resume has nothing at or below its cursor: this is everything there is, because no history tells of what was missed.
      this.#cursor = undefined;
      events.push({ kind: "reset", reason: "history" });
    }
    const rows = message.rows.map((row) => this.#decode(row));
    if (rows.length > 0) events.push({ kind: "snapshot", rows, keys: rows.map((row) => this.#keyOf(row)) });
    if (!message.control.hasMore) {
      this.#phase = "live";
      events.push({ kind: "ready" });
    }
    const replies = message.control.hasMore ? [nextBatchValue(this.#wireId, message.control.lastSeq)] : [];
    return { events: this.#seal(events, [...message.rows.map(seqOf), message.control.lastSeq]), replies };
  }

  #onChange(message: Of<"peerChange">): FeedOutput {
    const [row] = message.rows;
    const [old] = message.oldRows;
    const subject = row ?? old;
    if (subject === undefined || !isNew(seqOf(subject), this.#cursor)) return NOTHING;
    const event = this.#toEvent(message.op, row, old);
    return { events: this.#seal(event === undefined ? [] : [event], [seqOf(subject)]), replies: [] };
  }

  #toEvent(
    op: Of<"peerChange">["op"],
    row: WireRowMap | undefined,
    old: WireRowMap | undefined,
  ): SubscriptionEvent | undefined {
    const newRow = row === undefined ? undefined : this.#decode(row);
    const oldRow = old === undefined ? undefined : this.#decode(old);
    const key = this.#keyOf(newRow ?? oldRow ?? {});
    if (op === "delete") return { kind: "delete", key, old: oldRow };
    if (newRow === undefined) return undefined;
    if (op === "insert") return { kind: "insert", key, row: newRow };
    // Updates leave `_deleted` out; a live row is never deleted.
    const whole = this.#fieldByName.has("_deleted") ? { ...newRow, _deleted: false } : newRow;
    return { kind: "update", key, row: whole, old: oldRow ?? {} };
  }

  /** Moves the cursor to the highest position seen and notes it on the last event. */
  #seal(events: readonly SubscriptionEvent[], seqs: readonly (bigint | undefined)[]): readonly FeedEvent[] {
    for (const seq of seqs) {
      if (seq !== undefined && isNew(seq, this.#cursor)) this.#cursor = { seq, epoch: undefined };
    }
    return this.#cursor === undefined ? events : withCursor(events, formatCursor(this.#cursor));
  }

  #decode(row: WireRowMap): Row {
    const decode = (name: string, cell: unknown): Value =>
      decodeCell(cell, this.#fieldByName.get(name)?.dataType ?? (name === SEQ_COLUMN ? "BigInt" : "Unknown"));
    return Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, decode(name, cell)]));
  }

  #keyOf(row: Row): Key {
    const values = this.#keyNames.map((name) => row[name]);
    return values.length === 0 || values.includes(undefined) ? undefined : values.map((value) => value ?? null);
  }
}

function seqOf(row: WireRowMap): bigint | undefined {
  const seq = row[SEQ_COLUMN];
  if (typeof seq === "bigint") return seq;
  if (typeof seq === "number" && Number.isSafeInteger(seq)) return BigInt(seq);
  return typeof seq === "string" && /^-?\d{1,20}$/.test(seq) ? BigInt(seq) : undefined;
}
