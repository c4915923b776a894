// The three client families as wire.md §4 describes them: a paging one with header authentication and a moving replay filter, a message one
// that never pages, and the native one. Each keeps the row set its application would show, and refuses what its family would lose.
import type { Frame } from "../../../src/live/ports.ts";
import type { Query } from "./chat-table.ts";

export type Family = "paging" | "message" | "native";

/** `[room, score]` by key. */
export type RowSet = Map<string, string>;

export interface ReceivedChange {
  readonly op: string;
  readonly key: string;
  readonly seq: bigint;
}

export class ClientSubscription {
  readonly rows: RowSet = new Map();
  readonly changes: ReceivedChange[] = [];
  readonly errors: string[] = [];
  /** What a resume starts from. */
  cursor: bigint | undefined;
  /** `options.from` of the current subscribe. */
  from: bigint | undefined;
  ready = false;
  nextBatch: { readonly lastSeq: bigint | undefined } | undefined;
  channel: number | undefined;
  batches = 0;
  #highest = 0n;
  readonly id: string;
  readonly query: Query;

  constructor(id: string, query: Query) {
    this.id = id;
    this.query = query;
  }

  begin(from: bigint | undefined): void {
    if (from === undefined) {
      this.rows.clear();
      this.cursor = undefined;
    }
    this.from = from;
    this.ready = false;
    this.nextBatch = undefined;
    this.channel = undefined;
    this.changes.length = 0;
    this.batches = 0;
    this.#highest = 0n;
  }

  put(key: string, row: string, seq: bigint): void {
    this.#inOrder(seq);
    this.rows.set(key, row);
  }

  change(op: string, key: string, row: string | undefined, seq: bigint): void {
    if (!this.ready) throw new Error(`a change before ready: ${op} ${key}`);
    this.#inOrder(seq);
    this.changes.push({ op, key, seq });
    if (row === undefined) this.rows.delete(key);
    else this.rows.set(key, row);
  }

  #inOrder(seq: bigint): void {
    // A row may come because another table changed, long after it was written.
    if (this.query.strategy === "rerun") return;
    if (seq <= this.#highest) throw new Error(`_seq ${seq} after ${this.#highest}`);
    this.#highest = seq;
  }
}

type Message = Record<string, unknown>;

export class Client {
  readonly family: Family;
  readonly subscriptions = new Map<string, ClientSubscription>();
  readonly #byChannel = new Map<number, ClientSubscription>();

  constructor(family: Family) {
    this.family = family;
  }

  forgetChannels(): void {
    this.#byChannel.clear();
  }

  receive(frame: Frame): void {
    if (typeof frame !== "string") throw new Error("binary frame on a JSON socket");
    const message = JSON.parse(frame) as Message;
    const subscription =
      typeof message["channel"] === "number" && message["type"] !== "subscription_ack"
        ? this.#byChannel.get(message["channel"])
        : this.subscriptions.get(String(message["subscription_id"]));
    if (subscription === undefined) {
      if (message["type"] === "unsubscribed") return;
      throw new Error(`a frame for nobody: ${frame}`);
    }
    if (message["type"] === "error") {
      subscription.errors.push(String(message["code"]));
      return;
    }
    if (this.family === "native") this.#receiveNative(subscription, message);
    else this.#receivePeer(subscription, message, frame);
  }

  unsubscribe(id: string): void {
    const subscription = this.subscriptions.get(id);
    if (subscription?.channel !== undefined) this.#byChannel.delete(subscription.channel);
    this.subscriptions.delete(id);
  }

  #receivePeer(subscription: ClientSubscription, message: Message, frame: string): void {
    switch (message["type"]) {
      case "subscription_ack":
        if (!frame.includes('"batch_control"')) throw new Error("ack without batch_control");
        return;
      case "initial_data_batch":
        this.#receiveBatch(subscription, message, frame);
        return;
      case "change":
        this.#receivePeerChange(subscription, message);
        return;
      default:
        throw new Error(`unknown message ${frame}`);
    }
  }

  #receiveBatch(subscription: ClientSubscription, message: Message, frame: string): void {
    const control = message["batch_control"] as Record<string, unknown>;
    if (control["batch_num"] !== subscription.batches) throw new Error(`batch ${String(control["batch_num"])}`);
    subscription.batches += 1;
    for (const row of message["rows"] as Message[]) {
      const seq = BigInt(String(row["_seq"]));
      if (this.#isFiltered(subscription, seq)) continue;
      subscription.put(String(row["id"]), JSON.stringify([row["room"], row["score"]]), seq);
      subscription.cursor = seq;
    }
    const lastSeq = /"last_seq_id":(\d+)/.exec(frame)?.[1];
    if (control["has_more"] === true) {
      if (this.family === "paging") {
        subscription.nextBatch = { lastSeq: lastSeq === undefined ? undefined : BigInt(lastSeq) };
      }
      return;
    }
    if (control["status"] !== "ready") throw new Error("the last batch is not ready");
    subscription.ready = true;
  }

  #receivePeerChange(subscription: ClientSubscription, message: Message): void {
    const op = String(message["change_type"]);
    const [row] = (message["rows"] ?? []) as Message[];
    const [old] = (message["old_values"] ?? []) as Message[];
    const carrier = row ?? old ?? {};
    const seq = BigInt(String(carrier["_seq"]));
    if (this.#isFiltered(subscription, seq))
      throw new Error(`the replay filter of a ${this.family} client drops ${op}`);
    const text = row === undefined ? undefined : JSON.stringify([row["room"], row["score"]]);
    subscription.change(op, String(carrier["id"]), text, seq);
    subscription.cursor = seq;
  }

  /** wire.md §4.2: the paging client's filter moves with what it consumed; §4.3: the message client's stays at `from`. */
  #isFiltered(subscription: ClientSubscription, seq: bigint): boolean {
    const limit = this.family === "paging" ? subscription.cursor : subscription.from;
    return limit !== undefined && seq <= limit;
  }

  #receiveNative(subscription: ClientSubscription, message: Message): void {
    switch (message["type"]) {
      case "subscription_ack":
        subscription.channel = Number(message["channel"]);
        this.#byChannel.set(subscription.channel, subscription);
        return;
      case "reset":
        // The old cursor goes with the rows: a resume from it would leave out what the new snapshot has not brought yet.
        subscription.rows.clear();
        subscription.cursor = undefined;
        return;
      case "snapshot":
        for (const row of message["rows"] as unknown[][]) {
          subscription.put(String(row[0]), JSON.stringify([row[1], row[2]]), BigInt(String(row[3])));
        }
        for (const key of (message["deleted"] ?? []) as unknown[][]) subscription.rows.delete(String(key[0]));
        if (message["ready"] === true) {
          subscription.ready = true;
          subscription.cursor = BigInt(String(message["seq"]));
        }
        return;
      case "changes":
        for (const change of message["changes"] as Record<string, unknown[]>[]) {
          const row = change["row"];
          const seq = BigInt(String((row ?? change["old"] ?? [])[3]));
          const text = row === undefined ? undefined : JSON.stringify([row[1], row[2]]);
          subscription.change(String(change["op"]), String(change["key"]?.[0]), text, seq);
        }
        if (subscription.cursor !== undefined && subscription.cursor >= BigInt(String(message["seq"]))) {
          throw new Error(`changes at ${String(message["seq"])} after ${subscription.cursor}`);
        }
        subscription.cursor = BigInt(String(message["seq"]));
        return;
      case "progress":
        subscription.cursor = BigInt(String(message["seq"]));
        return;
      default:
        throw new Error(`unknown message ${JSON.stringify(message)}`);
    }
  }
}
