// The messages of one socket, strictly one after the other: a subscribe must not overtake the authentication before it. Most are done at once; what comes while one takes its
// time waits in the socket's data.
import type { Socket, SocketWork } from "./socket-data.ts";

/** Past it the socket is closed. */
const MAX_WAITING_MESSAGES = 10_000;

/** Must not throw. */
type Failed = (socket: Socket, error: unknown) => void;

export function isQueueFull({ data }: Socket): boolean {
  return (data.waiting?.length ?? 0) >= MAX_WAITING_MESSAGES;
}

/** Most work is done when this returns. */
export function runInOrder(socket: Socket, work: SocketWork, failed: Failed): void {
  const { data } = socket;
  if (data.waiting !== undefined) {
    data.waiting.push(work);
    return;
  }
  const running = run(socket, work, failed);
  if (running === undefined) return;
  data.waiting = [];
  void runWaiting(socket, running, failed);
}

async function runWaiting(socket: Socket, running: Promise<void>, failed: Failed): Promise<void> {
  const { data } = socket;
  await running;
  while (data.waiting !== undefined && data.waiting.length > 0) {
    const works: readonly SocketWork[] = data.waiting;
    data.waiting = [];
    for (const work of works) await run(socket, work, failed);
  }
  data.waiting = undefined;
}

/** Never throws. */
function run(socket: Socket, work: SocketWork, failed: Failed): Promise<void> | undefined {
  if (socket.data.closing) return undefined;
  try {
    return work()?.catch((error: unknown) => failed(socket, error));
  } catch (error) {
    failed(socket, error);
    return undefined;
  }
}
