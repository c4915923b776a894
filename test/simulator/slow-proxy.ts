// A TCP proxy before the server that can stop reading what the server sends, as a reader that has no time would.
import type { Socket } from "bun";

interface Pair {
  up: Socket<Pair> | undefined;
  readonly down: Socket<Pair>;
  /** What one side has sent and the other could not take yet. */
  readonly toUp: Uint8Array[];
  readonly toDown: Uint8Array[];
  isOver: boolean;
}

export class SlowProxy {
  readonly url: string;
  readonly #pairs = new Set<Pair>();
  readonly #listener: Bun.TCPSocketListener<Pair | undefined>;

  constructor(serverUrl: string) {
    const { hostname, port } = new URL(serverUrl);
    const pairs = this.#pairs;
    this.#listener = Bun.listen<Pair | undefined>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open(down) {
          const pair: Pair = { up: undefined, down: down as Socket<Pair>, toUp: [], toDown: [], isOver: false };
          down.data = pair;
          pairs.add(pair);
          void connect(pair, hostname, Number(port), () => pairs.delete(pair));
        },
        data(down, bytes) {
          if (down.data !== undefined) pass(down.data.toUp, down.data.up, bytes);
        },
        drain(down) {
          if (down.data !== undefined) flush(down.data.toDown, down);
          if (down.data?.isOver === true && down.data.toDown.length === 0) down.end();
        },
        close(down) {
          down.data?.up?.terminate();
          if (down.data !== undefined) pairs.delete(down.data);
        },
        error() {
          // The close that follows is all that matters.
        },
      },
    });
    this.url = `http://127.0.0.1:${this.#listener.port}`;
  }

  stall(): void {
    for (const { up } of this.#pairs) up?.pause();
  }

  unstall(): void {
    for (const { up } of this.#pairs) up?.resume();
  }

  close(): void {
    for (const { up, down } of this.#pairs) {
      up?.terminate();
      down.terminate();
    }
    this.#listener.stop(true);
  }
}

async function connect(pair: Pair, hostname: string, port: number, onOver: () => void): Promise<void> {
  const over = (): void => {
    onOver();
    pair.isOver = true;
    if (pair.toDown.length === 0) pair.down.end();
  };
  try {
    pair.up = await Bun.connect<Pair>({
      hostname,
      port,
      data: pair,
      socket: {
        data: (_up, bytes) => pass(pair.toDown, pair.down, bytes),
        drain: (up) => flush(pair.toUp, up),
        close: over,
        error: () => undefined,
      },
    });
    flush(pair.toUp, pair.up);
  } catch {
    over();
  }
}

function pass(queue: Uint8Array[], to: Socket<Pair> | undefined, bytes: Uint8Array): void {
  queue.push(Uint8Array.from(bytes));
  if (to !== undefined && queue.length === 1) flush(queue, to);
}

function flush(queue: Uint8Array[], to: { write(bytes: Uint8Array): number }): void {
  for (let first = queue[0]; first !== undefined; first = queue[0]) {
    const written = to.write(first);
    if (written < first.byteLength) {
      queue[0] = first.subarray(Math.max(written, 0));
      return;
    }
    queue.shift();
  }
}
