// Tasks of requests and answers alone.
import { type RequestsResult, SEQUENCE, type SequenceResult, type Task } from "./client-tasks.ts";
import { Faults } from "./faults.ts";
import { HttpConnection, type HttpReply } from "./http-connection.ts";
import { type Latency, latencyOf } from "./stats.ts";
import { expectedText, type Operation, requestBody, requestPath, type Target } from "./workload.ts";

type TaskOf<K extends Task["kind"]> = Extract<Task, { readonly kind: K }>;

const SHOWN_CHARACTERS = 200;

/** Undefined: the answer is the right one. */
export function faultOf(reply: HttpReply, operation: Operation, id: number): string | undefined {
  if (reply.status === 200 && reply.body.includes(expectedText(operation, id))) return undefined;
  return `${operation} of ${id}: ${reply.status} ${reply.body.slice(0, SHOWN_CHARACTERS)}`;
}

export function openConnections(target: Target, count: number): Promise<HttpConnection[]> {
  return Promise.all(Array.from({ length: count }, () => HttpConnection.open(target.port)));
}

export async function runRequests(task: TaskOf<"requests">): Promise<RequestsResult> {
  const { target, operation, ids, count = Number.POSITIVE_INFINITY } = task;
  const connections = await openConnections(target, task.connections);
  const path = requestPath(operation, target);
  const faults = new Faults();
  const samples: number[] = [];
  const startedAt = performance.now();
  const deadline = startedAt + task.durationMs;
  let sent = 0;
  const loop = (connection: HttpConnection): Promise<void> =>
    new Promise((resolve) => {
      const next = (): void => {
        const sentAt = performance.now();
        if (sent >= count || sentAt >= deadline) {
          resolve();
          return;
        }
        const id = ids.first + (sent % ids.count);
        sent += 1;
        connection.send({ path, token: target.token, body: requestBody(operation, id) }, (reply) => {
          samples.push(performance.now() - sentAt);
          const fault = faultOf(reply, operation, id);
          if (fault !== undefined) faults.add(fault);
          if (reply.status === 0) resolve();
          else next();
        });
      };
      next();
    });
  await Promise.all(connections.map(loop));
  const elapsedMs = performance.now() - startedAt;
  for (const connection of connections) connection.close();
  return { kind: "requests", done: samples.length, elapsedMs, latency: latencyOf(samples), faults: faults.list() };
}

export async function runSequence(task: TaskOf<"sequence">): Promise<SequenceResult> {
  const { target } = task;
  const connection = await HttpConnection.open(target.port);
  const faults = new Faults();
  const samples = { insert: [] as number[], select: [] as number[], update: [] as number[], delete: [] as number[] };
  const deadline = performance.now() + task.durationMs;
  for (let id = task.firstId; performance.now() < deadline; id++) {
    for (const operation of SEQUENCE) {
      const body = requestBody(operation, id);
      const path = requestPath(operation, target);
      const sentAt = performance.now();
      const reply = await connection.request({ path, token: target.token, body });
      samples[operation].push(performance.now() - sentAt);
      const fault = faultOf(reply, operation, id);
      if (fault !== undefined) faults.add(fault);
    }
  }
  connection.close();
  const latency = (operation: Operation & keyof typeof samples): Latency => latencyOf(samples[operation]);
  return {
    kind: "sequence",
    latency: {
      insert: latency("insert"),
      select: latency("select"),
      update: latency("update"),
      delete: latency("delete"),
    },
    faults: faults.list(),
  };
}
