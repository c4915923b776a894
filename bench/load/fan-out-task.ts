// Writers beside subscribers of everything they write. Each row must reach each subscriber exactly once, all in the same order.
import type { FanOutResult, Task } from "./client-tasks.ts";
import { Faults } from "./faults.ts";
import type { HttpConnection } from "./http-connection.ts";
import { faultOf, openConnections } from "./request-tasks.ts";
import { latencyOf } from "./stats.ts";
import { openSubscribers, type Subscriber, type SubscriberOptions } from "./subscriber.ts";
import { ROOM, requestBody, requestPath } from "./workload.ts";

type FanOutTask = Extract<Task, { readonly kind: "fanOut" }>;

/** Nothing arrived and nothing was acknowledged for so long, which no busy machine takes: what is missing is lost. */
export const SILENCE_MS = 30_000;
/** How long a second copy may take to show up after the last delivery. */
export const REPEAT_WAIT_MS = 100;
export const WRITER_CONNECTIONS = 64;

/** What one subscriber was told, as far as it can differ between subscribers. */
interface Told {
  rows: number;
  /** Equal for equal sequences of ids. */
  order: number;
  last: number;
}

export async function runFanOut(task: FanOutTask): Promise<FanOutResult> {
  const run = new FanOutRun(task);
  await run.open();
  const result = await run.write();
  run.close();
  return result;
}

class FanOutRun {
  readonly #task: FanOutTask;
  readonly #path: string;
  readonly #faults = new Faults();
  readonly #told: readonly Told[];
  /** By position in the run, as `#arrivals` and `#isAcknowledged`. */
  readonly #sentAt: Float64Array;
  readonly #arrivals: Uint32Array;
  readonly #isAcknowledged: Uint8Array;
  readonly #samples: number[] = [];
  readonly #delivered = Promise.withResolvers<void>();
  readonly #acknowledged = Promise.withResolvers<void>();
  readonly #idle: HttpConnection[] = [];
  #connections: readonly HttpConnection[] = [];
  #subscribers: readonly Subscriber[] = [];
  #missingAcknowledgements: number;
  #missingDeliveries: number;
  #lastEventAt = 0;
  #lastPosition = 0n;
  #next = 0;
  #inFlight = 0;

  constructor(task: FanOutTask) {
    this.#task = task;
    this.#path = requestPath(task.operation, task.target);
    this.#told = Array.from({ length: task.subscribers }, () => ({ rows: 0, order: 0, last: 0 }));
    this.#sentAt = new Float64Array(task.messages);
    this.#arrivals = new Uint32Array(task.messages);
    this.#isAcknowledged = new Uint8Array(task.messages);
    this.#missingAcknowledgements = task.messages;
    this.#missingDeliveries = task.messages * task.subscribers;
  }

  async open(): Promise<void> {
    const { target, window } = this.#task;
    this.#subscribers = await openSubscribers(this.#told.map((one, index) => this.#subscriber(one, index)));
    this.#connections = await openConnections(target, Math.min(window, WRITER_CONNECTIONS));
    this.#idle.push(...this.#connections);
  }

  close(): void {
    for (const one of [...this.#subscribers, ...this.#connections]) one.close();
  }

  async write(): Promise<FanOutResult> {
    const { messages, subscribers } = this.#task;
    const startedAt = performance.now();
    this.#lastEventAt = startedAt;
    const watchdog = setInterval(() => this.#giveUpOnSilence(), SILENCE_MS / 5);
    this.#fill();
    await this.#acknowledged.promise;
    const acknowledgedMs = performance.now() - startedAt;
    if (subscribers > 0) await this.#delivered.promise;
    const elapsedMs = performance.now() - startedAt;
    clearInterval(watchdog);
    await Bun.sleep(REPEAT_WAIT_MS);
    this.#check();
    return {
      kind: "fanOut",
      deliveries: messages * subscribers - this.#missingDeliveries,
      acknowledgedMs,
      elapsedMs,
      latency: latencyOf(this.#samples),
      faults: this.#faults.list(),
    };
  }

  #subscriber(one: Told, index: number): SubscriberOptions {
    const { target, protocol } = this.#task;
    const queries = [`SELECT * FROM bench.messages WHERE room = '${ROOM}'`];
    const options = { target, protocol, queries, faults: this.#faults, onRow: (id: number) => this.#arrive(one, id) };
    // A ceiling has no positions, and equal orders make one subscriber's as good as all.
    const checksPositions = index === 0 && target.kind === "server";
    return checksPositions ? { ...options, onPosition: (seq) => this.#checkPosition(seq) } : options;
  }

  #checkPosition(seq: bigint): void {
    if (seq <= this.#lastPosition) this.#faults.add(`position ${seq} after ${this.#lastPosition}`);
    this.#lastPosition = seq;
  }

  #arrive(one: Told, id: number): void {
    const { firstId, messages, subscribers, awaitDelivery } = this.#task;
    const index = id - firstId;
    if (index < 0 || index >= messages) {
      this.#faults.add(`a row of another run: ${id}`);
      return;
    }
    const count = (this.#arrivals[index] ?? 0) + 1;
    this.#arrivals[index] = count;
    one.rows += 1;
    one.order = (Math.imul(one.order, 31) + id) | 0;
    one.last = id;
    this.#missingDeliveries -= 1;
    this.#lastEventAt = performance.now();
    if (count === subscribers) {
      this.#samples.push(this.#lastEventAt - (this.#sentAt[index] ?? 0));
      if (awaitDelivery && this.#isAcknowledged[index] === 1) this.#release();
    }
    if (this.#missingDeliveries === 0) this.#delivered.resolve();
  }

  #fill(): void {
    const { messages, window } = this.#task;
    while (this.#next < messages && this.#inFlight < window) {
      const connection = this.#idle.shift();
      if (connection === undefined) return;
      const index = this.#next;
      this.#next += 1;
      this.#inFlight += 1;
      this.#sentAt[index] = performance.now();
      this.#send(connection, index);
    }
  }

  #send(connection: HttpConnection, index: number): void {
    const { firstId, operation, target, subscribers, awaitDelivery } = this.#task;
    const id = firstId + index;
    connection.send({ path: this.#path, token: target.token, body: requestBody(operation, id) }, (reply) => {
      const fault = faultOf(reply, operation, id);
      if (fault !== undefined) this.#faults.add(fault);
      this.#isAcknowledged[index] = 1;
      this.#idle.push(connection);
      this.#lastEventAt = performance.now();
      this.#missingAcknowledgements -= 1;
      if (this.#missingAcknowledgements === 0) this.#acknowledged.resolve();
      if (!awaitDelivery || this.#arrivals[index] === subscribers) this.#release();
    });
  }

  #release(): void {
    this.#inFlight -= 1;
    this.#fill();
  }

  #giveUpOnSilence(): void {
    if (performance.now() - this.#lastEventAt < SILENCE_MS) return;
    this.#faults.add(`lost: ${this.#missingDeliveries} deliveries, ${this.#missingAcknowledgements} acknowledgements`);
    this.#acknowledged.resolve();
    this.#delivered.resolve();
  }

  /** Equal orders everywhere and as many arrivals of each row as there are subscribers: each row once to everyone. */
  #check(): void {
    const { messages, firstId, subscribers } = this.#task;
    const [first] = this.#told;
    this.#told.forEach(({ rows, order, last }, index) => {
      if (rows !== messages) {
        const story = this.#subscribers[index]?.story() ?? "none";
        this.#faults.add(`subscriber ${index} was told ${rows} rows of ${messages}, last row ${last}: ${story}`);
      } else if (order !== first?.order)
        this.#faults.add(`subscriber ${index} was told in another order than subscriber 0`);
    });
    this.#arrivals.forEach((count, index) => {
      if (count === subscribers) return;
      const write = this.#isAcknowledged[index] === 1 ? "answered" : "never answered";
      this.#faults.add(`row ${firstId + index}, ${write}, arrived ${count} times at ${subscribers} subscribers`);
    });
  }
}
