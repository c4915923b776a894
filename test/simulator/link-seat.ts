// A client of the library, over either protocol.
import {
  createClient,
  type KalamClient,
  type Row,
  type Subscription,
  type SubscriptionEvent,
} from "../../src/link/index.ts";
import { isObject, parseJson } from "../../src/protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../../src/protocol/msgpack.ts";
import type { Coverage } from "./coverage.ts";
import { docCell } from "./doc.ts";
import { movingCell } from "./moving-column.ts";
import { wireText } from "./row.ts";
import { coverClose, type SeatClient, type SeatOptions, type SocketRecord } from "./seat.ts";
import type { Seen, SeenRow } from "./seen.ts";
import type { Start } from "./step.ts";
import type { Watcher } from "./watcher.ts";

interface Held {
  readonly watcher: Watcher;
  readonly subscription: Subscription;
}

export class LinkSeat implements SeatClient {
  readonly sockets = new Set<SocketRecord>();
  readonly #client: KalamClient;
  readonly #coverage: Coverage;
  readonly #held = new Map<string, Held>();
  readonly #sockets = new Set<{ terminate(): void }>();

  constructor(options: SeatOptions & { readonly protocol: "native" | "peer" }) {
    this.#coverage = options.coverage;
    const sockets = this.#sockets;
    const letIn = this.sockets;
    const held = this.#held;
    const { coverage } = options;
    const codec = createMsgpack(FRAME_LIMITS);
    const onSubscribe = (wireId: string): void => this.#held.get(wireId.replace(/#\d+$/, ""))?.watcher.subscribed();
    class ObservedSocket extends WebSocket {
      /** Bun's own, which the DOM's types do not know. */
      declare readonly terminate: () => void;
      reason: string | undefined;
      #isKnown = false;

      constructor(url: string | URL) {
        super(url);
        sockets.add(this);
        this.addEventListener("message", () => letIn.add(this), { once: true });
        this.addEventListener("close", ({ reason }) => {
          coverClose(coverage, reason);
          this.reason = reason;
          sockets.delete(this);
          letIn.delete(this);
          for (const { watcher } of held.values()) watcher.note(`socket closed: ${reason}`);
        });
      }

      get isOpen(): boolean {
        return this.readyState === WebSocket.OPEN;
      }

      override send(data: Parameters<WebSocket["send"]>[0]): void {
        const message = typeof data === "string" ? parseJson(data) : data instanceof Uint8Array && codec.decode(data);
        if (isObject(message) && message["type"] === "authenticate") {
          if (this.#isKnown) coverage.count("token renewed in place");
          this.#isKnown = true;
        }
        if (isObject(message) && isObject(message["subscription"])) onSubscribe(String(message["subscription"]["id"]));
        super.send(data);
      }
    }
    const { url, token, format, protocol } = options;
    this.#client = createClient({
      url,
      auth: { provider: async () => ({ token: await token() }) },
      protocol,
      format,
      reconnect: { initialDelayMs: 1, maxDelayMs: 20 },
      webSocket: ObservedSocket,
    });
  }

  watch(watcher: Watcher): void {
    const { id } = watcher.options;
    this.unwatch(id);
    const { from } = watcher.options;
    const subscription = this.#client.subscribe(watcher.sql, {
      id,
      maxQueuedRows: 10_000_000,
      params: watcher.params,
      ...(watcher.options.watch.isLatest === true ? { slowConsumer: "latest" } : {}),
      ...startOptions(watcher.options.watch.start),
      ...(from === undefined ? {} : { from }),
    });
    this.#held.set(id, { watcher, subscription });
    void this.#read(subscription, watcher);
  }

  unwatch(id: string): void {
    this.#held.get(id)?.subscription.unsubscribe();
    this.#held.delete(id);
  }

  cut(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  close(): void {
    this.#client.disconnect();
  }

  async #read(subscription: Subscription, watcher: Watcher): Promise<void> {
    for await (const event of subscription) {
      if (event.kind === "error") watcher.ended = `${event.error.code}: ${event.error.message}`;
      else if (event.kind === "schema") this.#coverage.count("told schema");
      else watcher.receive(seenOf(event, watcher));
    }
  }
}

function startOptions(start: Start): { batchSize?: number; lastRows?: number; snapshot?: boolean } {
  switch (start.kind) {
    case "batches":
      return { batchSize: start.size };
    case "last":
      return { lastRows: start.rows };
    case "none":
      return { snapshot: false };
    default:
      return {};
  }
}

function seenOf(event: Exclude<SubscriptionEvent, { kind: "error" | "schema" }>, watcher: Watcher): Seen {
  const cursor = event.cursor === undefined ? undefined : BigInt(event.cursor.split("@")[0] ?? "");
  const rowOf = (row: Row, key: readonly unknown[] | undefined): SeenRow => ({
    id: Number(key?.[0] ?? row["id"]),
    text: wireText(row, watcher.columns),
    ...(watcher.showsMoving ? { moving: movingCell(row), doc: docCell(row) } : {}),
    seq: typeof row["_seq"] === "bigint" ? row["_seq"] : undefined,
  });
  switch (event.kind) {
    case "snapshot":
      return { kind: "rows", rows: event.rows.map((row, index) => rowOf(row, event.keys[index])), cursor };
    case "insert":
      return { kind: "put", op: "insert", row: rowOf(event.row, event.key), oldSeq: undefined, cursor };
    case "update":
      return {
        kind: "put",
        op: "update",
        row: rowOf(event.row, event.key),
        oldSeq: rowOf(event.old, event.key).seq,
        cursor,
      };
    case "delete":
      return {
        kind: "gone",
        id: Number(event.key?.[0] ?? event.old?.["id"]),
        old: event.old === undefined ? undefined : rowOf(event.old, event.key),
        cursor,
      };
    case "ready":
      return { kind: "ready", cursor };
    case "reset":
      return { kind: "reset", cursor: undefined };
  }
}
