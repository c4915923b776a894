// A client as the peer's native library is one: token in the upgrade header, every page asked for with `next_batch`, resumes from the highest
// `_seq` it was sent. Written against the wire alone, so that no client code of ours can hide a fault of the server.
import { nextBatchValue, subscribeValue, unsubscribeValue } from "../../src/protocol/client-message.ts";
import { isObject, type JsonObject, type JsonValue, parseJson, toJson } from "../../src/protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../../src/protocol/msgpack.ts";
import { docCell } from "./doc.ts";
import { movingCell } from "./moving-column.ts";
import { wireText } from "./row.ts";
import { coverClose, type SeatClient, type SeatOptions, type SocketRecord } from "./seat.ts";
import type { SeenRow } from "./seen.ts";
import type { Watcher } from "./watcher.ts";

/** With the browser's library loaded, TypeScript does not show what Bun's WebSocket has beyond it. */
const HeaderWebSocket = WebSocket as unknown as new (url: string, options: Bun.WebSocketOptions) => Bun.WebSocket;
const RECONNECT_MS = 5;

interface Held {
  readonly watcher: Watcher;
  cursor: bigint | undefined;
  /** Another for every subscribe, so that nothing about an earlier one is taken for this one's. */
  wireId: string;
}

export class PagingSeat implements SeatClient {
  readonly sockets = new Set<SocketRecord>();
  readonly #options: SeatOptions;
  readonly #codec = createMsgpack(FRAME_LIMITS);
  readonly #held = new Map<string, Held>();
  readonly #byWireId = new Map<string, Held>();
  #subscribes = 0;
  #socket: Bun.WebSocket | undefined;
  #record: { isOpen: boolean; reason: string | undefined } = { isOpen: false, reason: undefined };
  #isOpen = false;
  #isConnecting = false;
  #isClosed = false;

  constructor(options: SeatOptions) {
    this.#options = options;
  }

  watch(watcher: Watcher): void {
    const held: Held = { watcher, cursor: watcher.options.from, wireId: "" };
    this.unwatch(watcher.options.id);
    this.#held.set(watcher.options.id, held);
    if (this.#isOpen) this.#subscribe(held);
    else void this.#connect();
  }

  unwatch(id: string): void {
    const held = this.#held.get(id);
    if (held === undefined) return;
    this.#held.delete(id);
    this.#byWireId.delete(held.wireId);
    if (this.#isOpen) this.#send(unsubscribeValue(held.wireId));
  }

  cut(): void {
    this.#socket?.terminate();
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  async #connect(): Promise<void> {
    if (this.#isClosed || this.#isConnecting) return;
    this.#isConnecting = true;
    const { url, format } = this.#options;
    const token = await this.#options.token();
    const parameters = `compress=false${format === "msgpack" ? "&serialization=msgpack" : ""}`;
    const socket = new HeaderWebSocket(`${url.replace(/^http/, "ws")}/v1/ws?${parameters}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#receive(data));
    socket.addEventListener("error", () => undefined);
    socket.addEventListener("close", ({ reason }) => this.#lost(reason));
  }

  #lost(reason: string): void {
    this.#record.isOpen = false;
    this.#record.reason = reason;
    this.sockets.delete(this.#record);
    for (const { watcher } of this.#held.values()) watcher.note(`socket closed: ${reason}`);
    this.#isOpen = false;
    this.#isConnecting = false;
    this.#socket = undefined;
    coverClose(this.#options.coverage, reason);
    this.#byWireId.clear();
    if (reason === "Connection killed") {
      for (const { watcher } of this.#held.values()) watcher.ended = `KILLED: ${reason}`;
      this.#held.clear();
    }
    if (this.#held.size > 0) setTimeout(() => void this.#connect(), RECONNECT_MS);
  }

  #subscribe(held: Held): void {
    const { watcher, cursor } = held;
    const { id, watch } = watcher.options;
    const { start } = watch;
    this.#subscribes += 1;
    held.wireId = `${id}#${this.#subscribes}`;
    this.#byWireId.set(held.wireId, held);
    watcher.subscribed();
    // Without a cursor nothing says what was missed, and what is sent does not make up for it.
    const isHole = (start.kind === "none" || start.kind === "last") && cursor === undefined;
    if (isHole) watcher.receive({ kind: "reset", cursor: undefined });
    const options = {
      ...(start.kind === "batches" ? { batchSize: start.size } : {}),
      ...(start.kind === "last" ? { lastRows: start.rows } : {}),
      ...(cursor === undefined ? {} : { from: cursor }),
      ...(watch.isLatest === true ? { slow: "latest" as const } : {}),
    };
    const wantsRows = start.kind !== "none" || cursor !== undefined;
    const { sql, params } = watcher;
    this.#send(subscribeValue({ id: held.wireId, sql, params, options: wantsRows ? options : undefined }));
  }

  #send(value: JsonValue): void {
    this.#socket?.send(this.#options.format === "msgpack" ? this.#codec.encode(value) : toJson(value));
  }

  #receive(data: unknown): void {
    const message = data instanceof ArrayBuffer ? this.#codec.decode(new Uint8Array(data)) : parseJson(String(data));
    if (!isObject(message)) throw new Error("a message is an object");
    const { type, subscription_id: id } = message;
    if (type === "auth_success") {
      this.#isOpen = true;
      this.#record = { isOpen: true, reason: undefined };
      this.sockets.add(this.#record);
      for (const held of this.#held.values()) this.#subscribe(held);
    } else if (type === "auth_error") {
      this.#socket?.terminate();
    } else if (typeof id === "string") this.#about(id, message);
  }

  #about(id: string, message: JsonObject): void {
    const { type, code } = message;
    const held = this.#byWireId.get(id);
    if (held === undefined) return;
    const { watcher } = held;
    switch (type) {
      case "subscription_ack":
        if (watcher.options.watch.start.kind === "none" && held.cursor === undefined) {
          watcher.receive({ kind: "ready", cursor: undefined });
        }
        return;
      case "initial_data_batch":
        return this.#onBatch(message, held);
      case "change":
        return onChange(message, held);
      default:
        watcher.ended = `${String(code)}: ${String(message["message"])}`;
        this.#held.delete(watcher.options.id);
        this.#byWireId.delete(id);
    }
  }

  #onBatch(message: JsonObject, held: Held): void {
    const { watcher } = held;
    const rows = rowsOf(message["rows"], watcher);
    const control = message["batch_control"];
    if (!isObject(control)) throw new Error("a batch has its control");
    const last = control["last_seq_id"];
    const seqs = [...rows.map(({ seq }) => seq), last === null || last === undefined ? undefined : toSeq(last)];
    for (const seq of seqs) moveTo(held, seq);
    if (rows.length > 0) watcher.receive({ kind: "rows", rows, cursor: held.cursor });
    if (control["has_more"] === true) {
      this.#send(nextBatchValue(held.wireId, last === null || last === undefined ? undefined : toSeq(last)));
    } else watcher.receive({ kind: "ready", cursor: held.cursor });
  }
}

function onChange(message: JsonObject, held: Held): void {
  const { watcher } = held;
  const op = message["change_type"];
  const [row] = rowsOf(message["rows"], watcher);
  const [old] = rowsOf(message["old_values"], watcher);
  const subject = row ?? old;
  if (subject === undefined) throw new Error("a change is of a row");
  // The watcher judges the position, so nothing is dropped here.
  moveTo(held, subject.seq);
  if (op === "delete") watcher.receive({ kind: "gone", id: subject.id, old: subject, cursor: subject.seq });
  else if (op === "insert" || op === "update") {
    watcher.receive({ kind: "put", op, row: subject, oldSeq: old?.seq, cursor: subject.seq });
  }
}

function moveTo(held: Held, seq: bigint | undefined): void {
  if (seq !== undefined && (held.cursor === undefined || seq > held.cursor)) held.cursor = seq;
}

function toSeq(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  return BigInt(String(value));
}

function rowsOf(list: unknown, watcher: Watcher): readonly SeenRow[] {
  if (!Array.isArray(list)) return [];
  return list.filter(isObject).map((row) => ({
    id: Number(row["id"]),
    text: wireText(row, watcher.columns),
    ...(watcher.showsMoving ? { moving: movingCell(row), doc: docCell(row) } : {}),
    seq: toSeq(row["_seq"]),
  }));
}
