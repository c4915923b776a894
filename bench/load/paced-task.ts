// Writes at a fixed rate, each by one of many users. Each must reach its writer's own subscription exactly once and in the order of positions, and nobody else's.
import type { PacedResult, Task } from "./client-tasks.ts";
import { DeliveryLedger } from "./delivery-ledger.ts";
import { REPEAT_WAIT_MS, SILENCE_MS, WRITER_CONNECTIONS } from "./fan-out-task.ts";
import { Faults } from "./faults.ts";
import type { HttpConnection, HttpReply } from "./http-connection.ts";
import { faultOf, openConnections } from "./request-tasks.ts";
import { latencyOf } from "./stats.ts";
import { openSubscribers, type Subscriber, type SubscriberOptions } from "./subscriber.ts";
import { requestBody, requestPath } from "./workload.ts";

type PacedTask = Extract<Task, { readonly kind: "paced" }>;

const TICK_MS = 1;
const SETTLE_MS = 10;
/** What has not come when a run should be over is waited for once more, so that late is told apart from lost. */
const LATE_WAIT_MS = 60_000;

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
  readonly #samples: number[] = [];
  readonly #answers: number[] = [];
  readonly #idle: HttpConnection[] = [];
  /** Due, and waiting for a connection. */
  readonly #queue: number[] = [];
  #ledger: DeliveryLedger;
  #connections: readonly HttpConnection[] = [];
  #subscribers: readonly Subscriber[] = [];
  #due = 0;
  #late = 0;
  #isOver = false;

  constructor(task: PacedTask) {
    this.#task = task;
    this.#messages = Math.floor((task.ratePerSecond * task.durationMs) / 1_000);
    this.#path = requestPath(task.operation, task.target);
    this.#ledger = this.#newLedger(performance.now());
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
    this.#ledger = this.#newLedger(startedAt);
    const timer = setInterval(() => this.#tick(startedAt), TICK_MS);
    const overAt = startedAt + this.#task.durationMs + SILENCE_MS;
    await this.#complete(overAt);
    const elapsedMs = performance.now() - startedAt;
    this.#isOver = true;
    await this.#complete(overAt + LATE_WAIT_MS);
    clearInterval(timer);
    await Bun.sleep(REPEAT_WAIT_MS);
    for (const fault of this.#ledger.faults()) this.#faults.add(fault);
    return {
      kind: "paced",
      deliveries: this.#samples.length,
      late: this.#late,
      rate: (this.#ledger.acknowledged / elapsedMs) * 1_000,
      latency: latencyOf(this.#samples),
      writeLatency: latencyOf(this.#answers),
      ...(this.#task.timesEach === true ? { times: this.#times() } : {}),
      faults: this.#faults.list(),
    };
  }

  async #complete(untilMs: number): Promise<void> {
    while (!this.#ledger.isComplete && performance.now() < untilMs) await Bun.sleep(SETTLE_MS);
  }

  #newLedger(startedAt: number): DeliveryLedger {
    const { firstId, tokens } = this.#task;
    return new DeliveryLedger({
      firstId,
      messages: this.#messages,
      users: tokens.length,
      startedAt,
      storyOf: (user) => this.#subscribers[user]?.story() ?? "none",
    });
  }

  #subscriber(token: string, user: number): SubscriberOptions {
    const { target } = this.#task;
    let last = 0n;
    return {
      target: { ...target, token },
      protocol: "native",
      queries: ["SELECT * FROM bench.own"],
      onRow: (id) => this.#arrive(id, user),
      onPosition: (seq) => {
        // A ceiling's positions are made of ids, which may overtake each other on their way.
        if (seq <= last && target.kind === "server") this.#faults.add(`user ${user}: position ${seq} after ${last}`);
        last = seq;
      },
      faults: this.#faults,
    };
  }

  #arrive(id: number, user: number): void {
    const index = id - this.#task.firstId;
    if (index < 0 || index >= this.#messages) {
      this.#faults.add(`a row of another run: ${id}`);
      return;
    }
    if (index % this.#task.tokens.length !== user)
      this.#faults.add(`user ${user} was told of row ${id} of another user`);
    const latencyMs = this.#ledger.arrived(index, performance.now());
    if (latencyMs === undefined) {
      this.#faults.add(`row ${id} arrived again`);
      return;
    }
    this.#samples.push(latencyMs);
    if (this.#isOver) this.#late += 1;
  }

  #times(): { readonly dueAt: number; readonly arrivedAt: number }[] {
    const { timeOrigin } = performance;
    return this.#ledger.times().map(({ dueAt, arrivedAt }) => {
      return { dueAt: timeOrigin + dueAt, arrivedAt: timeOrigin + arrivedAt };
    });
  }

  #tick(startedAt: number): void {
    const now = performance.now();
    const dueNow = Math.min(this.#messages, Math.floor(((now - startedAt) * this.#task.ratePerSecond) / 1_000));
    // Due when this tick noticed: the lateness of our own timer is not the server's. Waiting for a free connection is.
    for (; this.#due < dueNow; this.#due++) {
      this.#ledger.due(this.#due, now);
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
      const token = tokens[index % tokens.length] ?? target.token;
      this.#ledger.sent(index, performance.now());
      connection.send({ path: this.#path, token, body: requestBody(operation, firstId + index) }, (reply) => {
        this.#answered(index, reply);
        this.#idle.push(connection);
        this.#send();
      });
    }
  }

  #answered(index: number, reply: HttpReply): void {
    const { operation, firstId } = this.#task;
    const fault = faultOf(reply, operation, firstId + index);
    if (fault !== undefined) this.#faults.add(fault);
    const answer =
      fault === undefined ? { kind: "acknowledged" as const, body: reply.body } : { kind: "refused" as const };
    this.#answers.push(this.#ledger.answered(index, performance.now(), answer));
  }
}
