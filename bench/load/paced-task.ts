// Writes at a fixed rate, each by one of many users. Each must reach its writer's own subscription exactly once, and nobody else's.
import type { PacedResult, Task } from "./client-tasks.ts";
import { REPEAT_WAIT_MS, SILENCE_MS, WRITER_CONNECTIONS } from "./fan-out-task.ts";
import { Faults } from "./faults.ts";
import type { HttpConnection } from "./http-connection.ts";
import { faultOf, openConnections } from "./request-tasks.ts";
import { latencyOf } from "./stats.ts";
import { openSubscribers, type Subscriber, type SubscriberOptions } from "./subscriber.ts";
import { requestBody, requestPath } from "./workload.ts";

type PacedTask = Extract<Task, { readonly kind: "paced" }>;

const TICK_MS = 1;
const SETTLE_MS = 10;

export async function runPaced(task: PacedTask): Promise<PacedResult> {
  const run = new PacedRun(task);
  await run.open();
  const result = await run.write();
  run.close();
  return result;
}

class PacedRun {
  readonly #task: PacedTask;
  readonly #messages: number;
  readonly #path: string;
  readonly #faults = new Faults();
  readonly #dueAt: Float64Array;
  readonly #arrivals: Uint8Array;
  readonly #arrivedAt: Float64Array;
  readonly #samples: number[] = [];
  readonly #answers: number[] = [];
  readonly #idle: HttpConnection[] = [];
  /** Due, and waiting for a connection. */
  readonly #queue: number[] = [];
  #connections: readonly HttpConnection[] = [];
  #subscribers: readonly Subscriber[] = [];
  #due = 0;
  #acknowledged = 0;

  constructor(task: PacedTask) {
    this.#task = task;
    this.#messages = Math.floor((task.ratePerSecond * task.durationMs) / 1_000);
    this.#path = requestPath(task.operation, task.target);
    this.#dueAt = new Float64Array(this.#messages);
    this.#arrivals = new Uint8Array(this.#messages);
    this.#arrivedAt = new Float64Array(this.#messages);
  }

  async open(): Promise<void> {
    const { tokens, target } = this.#task;
    this.#subscribers = await openSubscribers(tokens.map((token, user) => this.#subscriber(token, user)));
    this.#connections = await openConnections(target, WRITER_CONNECTIONS);
    this.#idle.push(...this.#connections);
  }

  close(): void {
    for (const one of [...this.#subscribers, ...this.#connections]) one.close();
  }

  async write(): Promise<PacedResult> {
    const startedAt = performance.now();
    const timer = setInterval(() => this.#tick(startedAt), TICK_MS);
    const isDone = (): boolean => this.#acknowledged === this.#messages && this.#samples.length >= this.#messages;
    while (!isDone() && performance.now() - startedAt < this.#task.durationMs + SILENCE_MS) await Bun.sleep(SETTLE_MS);
    const elapsedMs = performance.now() - startedAt;
    clearInterval(timer);
    await Bun.sleep(REPEAT_WAIT_MS);
    const missing = this.#arrivals.filter((count) => count === 0).length;
    if (missing > 0) this.#faults.add(this.#lossText(missing));
    return {
      kind: "paced",
      deliveries: this.#samples.length,
      rate: (this.#acknowledged / elapsedMs) * 1_000,
      latency: latencyOf(this.#samples),
      writeLatency: latencyOf(this.#answers),
      ...(this.#task.timesEach === true ? { times: this.#times() } : {}),
      faults: this.#faults.list(),
    };
  }

  /** Whether the writes of what is missing were acknowledged says where to look for it. */
  #lossText(missing: number): string {
    const first = this.#arrivals.indexOf(0);
    const queued = this.#queue.length;
    return `lost: ${missing} of ${this.#messages}, ${this.#acknowledged} acknowledged, ${queued} never sent, the first ${this.#task.firstId + first}`;
  }

  #subscriber(token: string, user: number): SubscriberOptions {
    return {
      target: { ...this.#task.target, token },
      protocol: "native",
      queries: ["SELECT * FROM bench.own"],
      onRow: (id) => this.#arrive(id, user),
      faults: this.#faults,
    };
  }

  #arrive(id: number, user: number): void {
    const index = id - this.#task.firstId;
    if (index < 0 || index >= this.#messages) this.#faults.add(`a row of another run: ${id}`);
    if (index % this.#task.tokens.length !== user)
      this.#faults.add(`user ${user} was told of row ${id} of another user`);
    if (this.#arrivals[index] !== 0) this.#faults.add(`row ${id} arrived again`);
    this.#arrivals[index] = 1;
    const arrivedAt = performance.now();
    this.#arrivedAt[index] = arrivedAt;
    this.#samples.push(arrivedAt - (this.#dueAt[index] ?? 0));
  }

  #times(): { readonly dueAt: number; readonly arrivedAt: number }[] {
    const { timeOrigin } = performance;
    return [...this.#dueAt].map((dueAt, index) => {
      return { dueAt: timeOrigin + dueAt, arrivedAt: timeOrigin + (this.#arrivedAt[index] ?? Number.NaN) };
    });
  }

  #tick(startedAt: number): void {
    const now = performance.now();
    const dueNow = Math.min(this.#messages, Math.floor(((now - startedAt) * this.#task.ratePerSecond) / 1_000));
    // Due when this tick noticed: the lateness of our own timer is not the server's. Waiting for a free connection is.
    for (; this.#due < dueNow; this.#due++) {
      this.#dueAt[this.#due] = now;
      this.#queue.push(this.#due);
    }
    this.#send();
  }

  #send(): void {
    const { firstId, tokens, target, operation } = this.#task;
    while (this.#queue.length > 0) {
      // The one that was idle for longest: none is to be idle until the server closes it.
      const connection = this.#idle.shift();
      const index = connection === undefined ? undefined : this.#queue.shift();
      if (connection === undefined || index === undefined) return;
      const id = firstId + index;
      const token = tokens[index % tokens.length] ?? target.token;
      connection.send({ path: this.#path, token, body: requestBody(operation, id) }, (reply) => {
        const fault = faultOf(reply, operation, id);
        if (fault !== undefined) this.#faults.add(fault);
        this.#acknowledged += 1;
        this.#answers.push(performance.now() - (this.#dueAt[index] ?? 0));
        this.#idle.push(connection);
        this.#send();
      });
    }
  }
}
