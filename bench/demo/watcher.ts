// One live query and what it was told: keeps the row set by key, and notices anything told twice.
import type { KalamClient, Row, Subscription } from "../../src/link/index.ts";

export interface WatcherOptions {
  readonly name: string;
  readonly client: KalamClient;
  readonly sql: string;
  readonly params?: readonly (string | number | bigint)[];
  /** Called with the id of every row that entered after the snapshot. */
  readonly onInsert?: (id: bigint) => void;
}

export interface Verdict {
  readonly missing: number;
  readonly wrong: number;
}

/** Every table of the demo has a BIGINT key named `id`. */
function idOf(row: Row): bigint {
  const id = row["id"];
  if (typeof id !== "bigint") throw new Error(`a row without id: ${Object.keys(row).join(", ")}`);
  return id;
}

function seqOf(row: Row): bigint {
  const seq = row["_seq"];
  return typeof seq === "bigint" ? seq : 0n;
}

export class Watcher {
  readonly name: string;
  events = 0;
  repeated = 0;
  resets = 0;
  failure: Error | undefined;
  readonly #options: WatcherOptions;
  readonly #rows = new Map<bigint, Row>();
  readonly #ready = Promise.withResolvers<void>();
  #isReady = false;
  #subscription: Subscription | undefined;

  constructor(options: WatcherOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Resolves when the first snapshot is complete. */
  start(): Promise<void> {
    const { client, sql, params = [] } = this.#options;
    this.#subscription = client.subscribe(sql, { params, maxQueuedRows: 1_000_000 });
    this.#read(this.#subscription).catch((error: unknown) => {
      this.failure = error instanceof Error ? error : new Error(String(error));
      this.#ready.reject(this.failure);
    });
    return this.#ready.promise;
  }

  stop(): void {
    this.#subscription?.unsubscribe();
  }

  async #read(subscription: Subscription): Promise<void> {
    for await (const event of subscription) {
      switch (event.kind) {
        case "snapshot":
          for (const row of event.rows) this.#rows.set(idOf(row), row);
          // A page after a reconnect may also say which keys are gone.
          break;
        case "ready":
          this.#isReady = true;
          this.#ready.resolve();
          break;
        case "insert":
          this.#told(event.row, this.#rows.get(idOf(event.row)));
          this.#options.onInsert?.(idOf(event.row));
          break;
        case "update":
          this.#told(event.row, this.#rows.get(idOf(event.row)));
          break;
        case "delete":
          this.events += 1;
          if (event.key?.[0] !== undefined) this.#rows.delete(BigInt(String(event.key[0])));
          else if (event.old !== undefined) this.#rows.delete(idOf(event.old));
          break;
        case "reset":
          this.resets += 1;
          this.#rows.clear();
          break;
        case "schema":
          break;
        case "error":
          throw event.error;
      }
    }
  }

  #told(row: Row, known: Row | undefined): void {
    this.events += 1;
    // A version that is not newer than the one held was told before.
    if (this.#isReady && known !== undefined && seqOf(row) <= seqOf(known)) this.repeated += 1;
    this.#rows.set(idOf(row), row);
  }

  /** Against a SELECT of the same text by the same user, just now. */
  async compare(): Promise<Verdict> {
    const { client, sql, params = [] } = this.#options;
    const fresh = await client.query(sql, params);
    const expected = new Map(fresh.rows.map((row) => [idOf(row), row]));
    let missing = 0;
    let wrong = 0;
    for (const [id, row] of expected) {
      const held = this.#rows.get(id);
      if (held === undefined) missing += 1;
      else if (!sameRow(row, held)) wrong += 1;
    }
    for (const id of this.#rows.keys()) if (!expected.has(id)) wrong += 1;
    return { missing, wrong };
  }
}

function sameRow(a: Row, b: Row): boolean {
  return Object.entries(a).every(([name, value]) => name === "_deleted" || value === b[name]);
}
