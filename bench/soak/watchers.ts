// Live queries of a soak: clients of our library over both protocols, and raw native sockets that keep their own cursor. All of them come back by themselves.

import { parseCursor } from "../../src/link/cursor.ts";
import { createClient, type SubscriptionEvent } from "../../src/link/index.ts";
import { isObject, type JsonObject, parseJson } from "../../src/protocol/json.ts";
import type { Told } from "./told.ts";

export interface Watcher {
  /** Breaks the connection as a network would. */
  cut(): void;
  close(): void;
}

export interface WatcherOptions {
  readonly url: string;
  readonly token: string;
  readonly sql: string;
  readonly told: Told;
}

const RECONNECT = { initialDelayMs: 20, maxDelayMs: 500 };

export function watchByLink(protocol: "native" | "peer", { url, token, sql, told }: WatcherOptions): Watcher {
  const sockets = new Set<WebSocket>();
  class Cuttable extends WebSocket {
    constructor(address: string | URL) {
      super(address);
      sockets.add(this);
      this.addEventListener("close", () => sockets.delete(this));
    }
  }
  const client = createClient({ url, auth: { token }, protocol, reconnect: RECONNECT, webSocket: Cuttable });
  const read = async (): Promise<void> => {
    for await (const event of client.subscribe(sql)) receive(event, told);
  };
  void read().catch((error: unknown) => told.fault(`ended with ${String(error)}`));
  return {
    cut: () => {
      for (const socket of sockets) terminate(socket);
    },
    close: () => client.disconnect(),
  };
}

function terminate(socket: WebSocket): void {
  if ("terminate" in socket && typeof socket.terminate === "function") socket.terminate();
}

function receive(event: SubscriptionEvent, told: Told): void {
  switch (event.kind) {
    case "snapshot":
      for (const row of event.rows) told.snapshot(Number(row["id"]), Number(row["n"]));
      return;
    case "ready":
      told.ready(positionOf(event.cursor));
      return;
    case "insert":
      told.inserted(Number(event.row["id"]), Number(event.row["n"]));
      break;
    case "update":
      told.updated(Number(event.row["id"]), Number(event.row["n"]));
      break;
    case "delete":
      told.ended(Number(event.key?.[0] ?? event.old?.["id"]), { isReplayed: event.old === undefined });
      break;
    case "reset":
      told.reset(event.reason);
      return;
    case "schema":
      return;
    case "error":
      told.fault(`ended with ${event.error.code}: ${event.error.message}`);
      return;
  }
  if (event.cursor !== undefined) told.reached(positionOf(event.cursor));
}

/** One subscription on a native socket, by hand: specs/protocol.md, and nothing of our library. */
export class RawWatcher implements Watcher {
  readonly #options: WatcherOptions;
  #socket: WebSocket | undefined;
  #cursor: string | undefined;
  #epoch: unknown;
  #channel: unknown;
  #places = { id: 0, n: 1 };
  #isLive = false;
  #isClosed = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#connect();
  }

  cut(): void {
    if (this.#socket !== undefined) terminate(this.#socket);
  }

  close(): void {
    this.#isClosed = true;
    this.#socket?.close();
  }

  #connect(): void {
    const { url, token } = this.#options;
    const socket = new WebSocket(`${url.replace("http", "ws")}/v1/ws?protocol=kalam.v2&compress=false`);
    this.#socket = socket;
    this.#isLive = false;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "authenticate", method: "jwt", token }));
      this.#subscribe();
    });
    socket.addEventListener("message", ({ data }) => {
      const message = parseJson(String(data));
      if (isObject(message)) this.#receive(message);
    });
    socket.addEventListener("close", () => {
      if (!this.#isClosed) setTimeout(() => this.#connect(), RECONNECT.initialDelayMs * (1 + 10 * Math.random()));
    });
    // The close that follows tells.
    socket.addEventListener("error", () => undefined);
  }

  #subscribe(): void {
    const { sql } = this.#options;
    const options = this.#cursor === undefined ? {} : { from: this.#cursor, epoch: this.#epoch };
    this.#socket?.send(JSON.stringify({ type: "subscribe", subscription: { id: "s", sql, options } }));
  }

  #receive(message: JsonObject): void {
    const { told } = this.#options;
    switch (message["type"]) {
      case "subscription_ack":
        this.#channel = message["channel"];
        this.#epoch = message["epoch"];
        this.#setSchema(message);
        if (message["resumed"] === false && this.#cursor !== undefined) this.#reset("not resumed");
        return;
      case "schema":
        this.#setSchema(message);
        return;
      case "snapshot":
        this.#snapshot(message);
        return;
      case "changes":
        this.#changes(message);
        return;
      case "progress":
        if (message["channel"] === this.#channel && this.#isLive) this.#cursor = String(message["seq"]);
        return;
      case "reset":
        this.#reset(String(message["reason"]));
        return;
      case "error":
        if (message["retry_after_ms"] === undefined) told.fault(`told ${JSON.stringify(message)}`);
        else setTimeout(() => this.#subscribe(), Number(message["retry_after_ms"]));
        return;
      case "auth_error":
      case "killed":
      case "expired":
        told.fault(`told ${JSON.stringify(message)}`);
        return;
    }
  }

  #reset(reason: string): void {
    if (this.#cursor === undefined) return;
    this.#cursor = undefined;
    this.#options.told.reset(reason);
  }

  #setSchema(message: JsonObject): void {
    const names = listOf(message["schema"]).map((column) => (isObject(column) ? column["name"] : undefined));
    this.#places = { id: names.indexOf("id"), n: names.indexOf("n") };
  }

  #snapshot(message: JsonObject): void {
    const { told } = this.#options;
    for (const row of listOf(message["rows"])) told.snapshot(this.#cell(row, "id"), this.#cell(row, "n"));
    for (const key of listOf(message["deleted"])) told.ended(Number(listOf(key)[0]), { isReplayed: true });
    if (message["ready"] !== true) return;
    this.#cursor = String(message["seq"]);
    this.#isLive = true;
    told.ready(BigInt(this.#cursor));
  }

  #changes(message: JsonObject): void {
    const isMine = message["subscription_id"] === "s" || (message["channel"] === this.#channel && this.#isLive);
    const seq = String(message["seq"]);
    if (!isMine || (this.#cursor !== undefined && BigInt(seq) <= BigInt(this.#cursor))) return;
    const { told } = this.#options;
    for (const change of listOf(message["changes"]).filter(isObject)) {
      if (change["op"] === "delete") told.ended(Number(listOf(change["key"])[0]), { isReplayed: false });
      else if (change["op"] === "insert")
        told.inserted(this.#cell(change["row"], "id"), this.#cell(change["row"], "n"));
      else told.updated(this.#cell(change["row"], "id"), this.#cell(change["row"], "n"));
    }
    this.#cursor = seq;
    told.reached(BigInt(seq));
  }

  #cell(row: unknown, column: "id" | "n"): number {
    return Number(listOf(row)[this.#places[column]]);
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function positionOf(cursor: string | undefined): bigint {
  return cursor === undefined ? 0n : parseCursor(cursor).seq;
}
