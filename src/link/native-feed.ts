// The native protocol's feed. Invariants: frames at or below the cursor are dropped; while a snapshot loads, frames of the channel are
// not ours yet (they belong to another subscription of the same group) and the cursor does not move.
import type { SchemaField } from "../protocol/schema-field.ts";
import type { KeyColumns, ServerMessage, WireChange, WireRow } from "../protocol/server-message.ts";
import { type Cursor, formatCursor, isNew } from "./cursor.ts";
import {
  asksForData,
  type Feed,
  type FeedEvent,
  type FeedOptions,
  type FeedOutput,
  failed,
  LIVE_AT_ONCE,
  NOTHING,
  type SubscriptionEvent,
  subscribeRequest,
  withCursor,
} from "./feed.ts";
import { type Column, decodeCell, decodeCells, type Row, rowOf, toColumns, type Value } from "./value.ts";

export function createNativeFeed(options: FeedOptions): Feed {
  return new NativeFeed(options);
}

type Of<K extends ServerMessage["kind"]> = Extract<ServerMessage, { kind: K }>;

class NativeFeed implements Feed {
  readonly #options: FeedOptions;
  #phase: Feed["phase"] = "subscribing";
  #wireId: string;
  #cursor: Cursor | undefined;
  #channel: number | undefined;
  #epoch: string | undefined;
  #schema: readonly SchemaField[] = [];
  #columns: readonly Column[] = [];
  #keyColumns: KeyColumns;
  /** Rows went out that no cursor covers yet. */
  #hasLooseRows = false;

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

  get channel(): number | undefined {
    return this.#channel;
  }

  get phase(): Feed["phase"] {
    return this.#phase;
  }

  subscribe(wireId = this.id): ReturnType<Feed["subscribe"]> {
    this.#wireId = wireId;
    // What was sent or missed before there was a cursor cannot be caught up with: the application is told.
    const isHole = this.#cursor === undefined && (this.#hasLooseRows || this.#phase === "live");
    const events: FeedEvent[] = isHole ? [{ kind: "reset", reason: "interrupted" }] : [];
    this.#phase = "subscribing";
    this.#channel = undefined;
    this.#hasLooseRows = false;
    return { request: { ...subscribeRequest(this.#options, this.#cursor), id: wireId }, events };
  }

  receive(message: ServerMessage): FeedOutput {
    switch (message.kind) {
      case "ack":
        return this.#onAck(message);
      case "snapshot":
        return this.#onSnapshot(message);
      case "changes":
        return this.#onChanges(message);
      case "progress":
        return this.#onProgress(message.seq);
      case "schema":
        this.#setSchema(message.schema, message.key);
        return { events: [{ kind: "schema", columns: this.#columns }], replies: [] };
      case "reset":
        return this.#onReset(message.reason);
      case "killed":
        return failed("KILLED", message.message);
      case "error":
        if (message.retryAfterMs !== undefined) return this.#suspend(message.retryAfterMs);
        return failed(message.code, message.message);
      default:
        return NOTHING;
    }
  }

  /** Frames of the channel are not ours any more: others of the socket may still listen to it. */
  #suspend(retryAfterMs: number): FeedOutput {
    this.#hasLooseRows ||= this.#phase === "live";
    this.#phase = "subscribing";
    this.#channel = undefined;
    return { ...NOTHING, retryAfterMs };
  }

  #setSchema(schema: readonly SchemaField[], key: KeyColumns): void {
    this.#schema = schema;
    this.#columns = toColumns(schema);
    this.#keyColumns = key;
  }

  #onAck(message: Of<"ack">): FeedOutput {
    const isAltered = this.#schema.length > 0 && JSON.stringify(message.schema) !== JSON.stringify(this.#schema);
    this.#setSchema(message.schema, message.key);
    const schema: SubscriptionEvent[] = isAltered ? [{ kind: "schema", columns: this.#columns }] : [];
    this.#channel = message.channel;
    this.#epoch = message.epoch;
    const hasData = asksForData(this.#options, this.#cursor);
    this.#phase = hasData ? "loading" : "live";
    const isReset = this.#cursor !== undefined && !message.resumed;
    const { events, replies } = isReset ? this.#onReset("cursor") : hasData ? NOTHING : LIVE_AT_ONCE;
    return { events: [...schema, ...events], replies };
  }

  #onReset(reason: string): FeedOutput {
    this.#cursor = undefined;
    this.#phase = "loading";
    return { events: [{ kind: "reset", reason }], replies: [] };
  }

  #onSnapshot(message: Of<"snapshot">): FeedOutput {
    const events: SubscriptionEvent[] = [];
    if (message.rows.length > 0) {
      const cells = message.rows.map((row) => decodeCells(row, this.#schema));
      events.push({
        kind: "snapshot",
        rows: cells.map((values) => rowOf(values, this.#schema)),
        keys: cells.map((values, index) => this.#keyOf(values, message.keys?.[index])),
      });
    }
    for (const key of message.deleted) events.push({ kind: "delete", key: this.#decodeKey(key), old: undefined });
    this.#hasLooseRows ||= events.length > 0;
    if (message.readyAt === undefined) return { events, replies: [] };

    this.#phase = "live";
    this.#hasLooseRows = false;
    return { events: withCursor([...events, { kind: "ready" }], this.#moveTo(message.readyAt)), replies: [] };
  }

  #onChanges(message: Of<"changes">): FeedOutput {
    const isOwn = message.to.kind === "subscription";
    if (this.#phase !== "live") {
      // Only what is addressed to this subscription may be part of its catching up; `ready` sets the cursor.
      if (!isOwn || this.#phase !== "loading") return NOTHING;
      this.#hasLooseRows = true;
      return { events: message.changes.map((change) => this.#toEvent(change)), replies: [] };
    }
    if (!isNew(message.seq, this.#cursor)) return NOTHING;
    const events = message.changes.map((change) => this.#toEvent(change));
    return { events: withCursor(events, this.#moveTo(message.seq)), replies: [] };
  }

  #onProgress(seq: bigint): FeedOutput {
    if (this.#phase !== "live" || !isNew(seq, this.#cursor)) return NOTHING;
    return { events: [{ kind: "progress", cursor: this.#moveTo(seq) }], replies: [] };
  }

  #moveTo(seq: bigint): string {
    this.#cursor = { seq, epoch: this.#epoch };
    return formatCursor(this.#cursor);
  }

  #toEvent(change: WireChange): SubscriptionEvent {
    const key = this.#decodeKey(change.key);
    switch (change.op) {
      case "insert":
        return { kind: "insert", key, row: this.#row(change.row) };
      case "update":
        return { kind: "update", key, row: this.#row(change.row), old: this.#row(change.old) };
      default:
        return { kind: "delete", key, old: change.old === undefined ? undefined : this.#row(change.old) };
    }
  }

  #row(wire: WireRow | undefined): Row {
    return rowOf(decodeCells(wire ?? [], this.#schema), this.#schema);
  }

  #keyOf(values: readonly Value[], beside: WireRow | undefined): readonly Value[] {
    if (this.#keyColumns === undefined) return this.#decodeKey(beside ?? []);
    return this.#keyColumns.map((position) => values[position] ?? null);
  }

  /** A key that rows do not hold has no column to say its type; its cells stay as they travelled. */
  #decodeKey(wire: WireRow): readonly Value[] {
    return wire.map((cell, index) => {
      const position = this.#keyColumns?.[index];
      return decodeCell(cell, this.#schema[position ?? -1]?.dataType ?? "Unknown");
    });
  }
}
