// A TCP proxy in front of a server, which can fail as networks do: without a word.
import type { Socket } from "bun";

interface Pipe {
  readonly client: Socket<PipeData>;
  server: Socket<PipeData> | undefined;
  /** Until the server's side is open. */
  readonly waiting: Buffer[];
}

interface PipeData {
  pipe: Pipe | undefined;
}

export class Network implements Disposable {
  readonly #listener: Bun.TCPSocketListener<PipeData>;
  readonly #pipes = new Set<Pipe>();
  readonly #silenced = new WeakSet<Pipe>();
  #isDown = false;
  connections = 0;

  constructor(serverPort: number) {
    this.#listener = Bun.listen<PipeData>({
      hostname: "127.0.0.1",
      port: 0,
      data: { pipe: undefined },
      socket: {
        open: (client) => this.#opened(client, serverPort),
        data: ({ data: { pipe } }, bytes) => {
          if (pipe === undefined || this.#silenced.has(pipe)) return;
          if (pipe.server === undefined) pipe.waiting.push(Buffer.from(bytes));
          else pipe.server.write(bytes);
        },
        close: ({ data: { pipe } }) => this.#end(pipe),
      },
    });
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Both sides lose their connections, and nobody gets a new one. */
  cut(): void {
    this.#isDown = true;
    for (const pipe of this.#pipes) this.#end(pipe);
  }

  /** Connections stay open and nothing comes through them any more, in neither direction. */
  silence(): void {
    for (const pipe of this.#pipes) this.#silenced.add(pipe);
  }

  restore(): void {
    this.#isDown = false;
  }

  [Symbol.dispose](): void {
    this.cut();
    this.#listener.stop(true);
  }

  #opened(client: Socket<PipeData>, port: number): void {
    const pipe: Pipe = { client, server: undefined, waiting: [] };
    client.data = { pipe };
    if (this.#isDown) {
      client.terminate();
      return;
    }
    this.connections += 1;
    this.#pipes.add(pipe);
    Bun.connect<PipeData>({
      hostname: "127.0.0.1",
      port,
      data: { pipe },
      socket: {
        open: (server) => {
          pipe.server = server;
          for (const bytes of pipe.waiting.splice(0)) server.write(bytes);
        },
        data: (_server, bytes) => {
          if (!this.#silenced.has(pipe)) client.write(bytes);
        },
        close: () => this.#end(pipe),
        connectError: () => this.#end(pipe),
      },
    }).catch(() => this.#end(pipe));
  }

  #end(pipe: Pipe | undefined): void {
    if (pipe === undefined || !this.#pipes.delete(pipe)) return;
    pipe.client.terminate();
    pipe.server?.terminate();
  }
}
