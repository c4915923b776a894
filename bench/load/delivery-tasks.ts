// Tasks in which writes must reach subscribers: each of them exactly once, to all in the same order, and to nobody else.
import type { FanOutResult, HoldResult, PacedResult, Task } from "./client-tasks.ts";
import { Faults } from "./faults.ts";
import type { HttpConnection } from "./http-connection.ts";
import { faultOf, openConnections } from "./request-tasks.ts";
import { latencyOf } from "./stats.ts";
import { openSubscribers, type Subscriber, type SubscriberOptions } from "./subscriber.ts";
import { ROOM, requestBody, requestPath } from "./workload.ts";

type TaskOf<K extends Task["kind"]> = Extract<Task, { readonly kind: K }>;

/** Nothing arrived for so long: what is missing is lost. */
const SILENCE_MS = 5_000;
/** How long a second copy may take to show up after the last delivery. */
const REPEAT_WAIT_MS = 100;
const WRITER_CONNECTIONS = 64;

/** What one subscriber was told, as far as it can differ between subscribers. */
interface Told {
  rows: number;
  order: number;
}

/** Equal for equal sequences of ids. */
function nextOrder(order: number, id: number): number {
  return (Math.imul(order, 31) + id) | 0;
}

export async function runFanOut(task: TaskOf<"fanOut">): Promise<FanOutResult> {
  const { target, messages, firstId, subscribers: audience } = task;
  const faults = new Faults();
  const sentAt = new Float64Array(messages);
  const arrivals = new Uint32Array(messages);
  const isAcknowledged = new Uint8Array(messages);
  const told = Array.from({ length: audience }, (): Told => ({ rows: 0, order: 0 }));
  const samples: number[] = [];
  const complete = Promise.withResolvers<void>();
  const acknowledged = Promise.withResolvers<void>();
  const waiting = { acknowledgements: messages, deliveries: messages * audience, lastArrival: performance.now() };
  let last = 0n;

  const arrive = (one: Told, id: number): void => {
    const index = id - firstId;
    const count = (arrivals[index] ?? 0) + 1;
    arrivals[index] = count;
    one.rows += 1;
    one.order = nextOrder(one.order, id);
    waiting.deliveries -= 1;
    waiting.lastArrival = performance.now();
    if (count === audience) {
      samples.push(waiting.lastArrival - (sentAt[index] ?? 0));
      if (task.awaitDelivery && isAcknowledged[index] === 1) release();
    }
    if (waiting.deliveries === 0) complete.resolve();
  };
  const checksPositions = target.kind === "server";
  const options = told.map((one, index): SubscriberOptions => {
    const onRow = (id: number): void => {
      if (id >= firstId && id < firstId + messages) arrive(one, id);
      else faults.add(`a row of another run: ${id}`);
    };
    const onPosition = (seq: bigint): void => {
      if (seq <= last) faults.add(`position ${seq} after ${last}`);
      last = seq;
    };
    const queries = [`SELECT * FROM bench.messages WHERE room = '${ROOM}'`];
    const base = { target, protocol: task.protocol, queries, onRow, faults };
    return index === 0 && checksPositions ? { ...base, onPosition } : base;
  });
  const opened = await openSubscribers(options);
  const idle = await openConnections(target, Math.min(task.window, WRITER_CONNECTIONS));
  const connections = [...idle];
  const path = requestPath(task.operation, target);
  let next = 0;
  let inFlight = 0;

  const fill = (): void => {
    while (next < messages && inFlight < task.window) {
      const connection = idle.pop();
      if (connection === undefined) return;
      const index = next;
      next += 1;
      inFlight += 1;
      sentAt[index] = performance.now();
      send(connection, index);
    }
  };
  const send = (connection: HttpConnection, index: number): void => {
    const id = firstId + index;
    connection.send({ path, token: target.token, body: requestBody(task.operation, id) }, (reply) => {
      const fault = faultOf(reply, task.operation, id);
      if (fault !== undefined) faults.add(fault);
      isAcknowledged[index] = 1;
      idle.push(connection);
      waiting.acknowledgements -= 1;
      if (waiting.acknowledgements === 0) acknowledged.resolve();
      if (!task.awaitDelivery || arrivals[index] === audience) release();
    });
  };
  const release = (): void => {
    inFlight -= 1;
    fill();
  };

  const watchdog = setInterval(() => {
    if (performance.now() - waiting.lastArrival < SILENCE_MS) return;
    faults.add(`lost: ${waiting.deliveries} deliveries, ${waiting.acknowledgements} acknowledgements`);
    acknowledged.resolve();
    complete.resolve();
  }, SILENCE_MS / 5);
  const startedAt = performance.now();
  waiting.lastArrival = startedAt;
  fill();
  await acknowledged.promise;
  const acknowledgedMs = performance.now() - startedAt;
  if (audience > 0) await complete.promise;
  const elapsedMs = performance.now() - startedAt;
  clearInterval(watchdog);
  await Bun.sleep(REPEAT_WAIT_MS);
  checkTold(told, messages, faults);
  for (const one of [...opened, ...connections]) one.close();
  return {
    kind: "fanOut",
    deliveries: messages * audience - waiting.deliveries,
    acknowledgedMs,
    elapsedMs,
    latency: latencyOf(samples),
    faults: faults.list(),
  };
}

/** With the total right, equal counts and equal orders leave no room for a loss that a repeat makes up for. */
function checkTold(told: readonly Told[], messages: number, faults: Faults): void {
  const [first] = told;
  told.forEach((one, index) => {
    if (one.rows !== messages) faults.add(`subscriber ${index} was told ${one.rows} rows of ${messages}`);
    else if (one.order !== first?.order) faults.add(`subscriber ${index} was told in another order than subscriber 0`);
  });
}

const TICK_MS = 1;

export async function runPaced(task: TaskOf<"paced">): Promise<PacedResult> {
  const { target, tokens, firstId } = task;
  const messages = Math.floor((task.ratePerSecond * task.durationMs) / 1_000);
  const faults = new Faults();
  const dueAt = new Float64Array(messages);
  const arrivals = new Uint8Array(messages);
  const samples: number[] = [];
  const options = tokens.map(
    (token, user): SubscriberOptions => ({
      target: { ...target, token },
      protocol: "native",
      queries: ["SELECT * FROM bench.own"],
      onRow: (id) => {
        const index = id - firstId;
        if (index % tokens.length !== user) faults.add(`user ${user} was told of row ${id} of another user`);
        if (arrivals[index] !== 0) faults.add(`row ${id} arrived again`);
        arrivals[index] = 1;
        samples.push(performance.now() - (dueAt[index] ?? 0));
      },
      faults,
    }),
  );
  const opened = await openSubscribers(options);
  const idle = await openConnections(target, WRITER_CONNECTIONS);
  const connections = [...idle];
  const path = requestPath(task.operation, target);
  const queue: number[] = [];
  let due = 0;
  let acknowledged = 0;

  const send = (): void => {
    while (queue.length > 0) {
      const connection = idle.pop();
      const index = connection === undefined ? undefined : queue.shift();
      if (connection === undefined || index === undefined) return;
      const id = firstId + index;
      const token = tokens[index % tokens.length] ?? target.token;
      connection.send({ path, token, body: requestBody(task.operation, id) }, (reply) => {
        const fault = faultOf(reply, task.operation, id);
        if (fault !== undefined) faults.add(fault);
        acknowledged += 1;
        idle.push(connection);
        send();
      });
    }
  };
  const startedAt = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    const dueNow = Math.min(messages, Math.floor(((now - startedAt) * task.ratePerSecond) / 1_000));
    // Due when this tick noticed: the lateness of our own timer is not the server's. Waiting for a free connection is.
    for (; due < dueNow; due++) {
      dueAt[due] = now;
      queue.push(due);
    }
    send();
  }, TICK_MS);
  while (performance.now() - startedAt < task.durationMs + SILENCE_MS) {
    await Bun.sleep(10);
    if (acknowledged === messages && samples.length >= messages) break;
  }
  const elapsedMs = performance.now() - startedAt;
  clearInterval(timer);
  await Bun.sleep(REPEAT_WAIT_MS);
  if (samples.length < messages) faults.add(`lost: ${messages - samples.length} of ${messages}`);
  for (const one of [...opened, ...connections]) one.close();
  return {
    kind: "paced",
    deliveries: samples.length,
    rate: (acknowledged / elapsedMs) * 1_000,
    latency: latencyOf(samples),
    faults: faults.list(),
  };
}

/** Subscriptions that stay open between tasks. */
export class Held {
  readonly #faults = new Faults();
  readonly #subscribers: Subscriber[] = [];
  #open = 0;
  #rows = 0;

  async open(task: TaskOf<"hold">): Promise<HoldResult> {
    const { target, queries, perConnection } = task;
    const options: SubscriberOptions[] = [];
    for (let at = 0; at < queries.length; at += perConnection) {
      options.push({
        target,
        protocol: "native",
        queries: queries.slice(at, at + perConnection),
        onRow: () => {
          this.#rows += 1;
        },
        faults: this.#faults,
      });
    }
    this.#subscribers.push(...(await openSubscribers(options)));
    this.#open += queries.length;
    return this.count();
  }

  count(): HoldResult {
    return { kind: "countHeld", open: this.#open, rows: this.#rows, faults: this.#faults.list() };
  }
}
