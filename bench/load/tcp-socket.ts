// A TCP connection of the load client. Requests and frames are written as they are on the wire, because Bun's fetch and WebSocket clients
// cost more than the server they would measure.
import type { Socket } from "bun";

export interface TcpHandlers {
  /** The bytes are only valid during the call. */
  readonly onData: (bytes: Buffer) => void;
  readonly onClose: () => void;
}

const LOCAL = "127.0.0.1";

export class TcpSocket {
  #socket: Socket | undefined;
  #unsent: Buffer | undefined;

  static async connect(port: number, handlers: TcpHandlers): Promise<TcpSocket> {
    const self = new TcpSocket();
    const socket = await Bun.connect({
      hostname: LOCAL,
      port,
      socket: {
        data: (_socket, bytes) => handlers.onData(bytes),
        drain: () => self.#drain(),
        close: () => handlers.onClose(),
        error: () => handlers.onClose(),
      },
    });
    socket.setNoDelay(true);
    self.#socket = socket;
    return self;
  }

  write(bytes: Buffer): void {
    if (this.#unsent !== undefined) {
      this.#unsent = Buffer.concat([this.#unsent, bytes]);
      return;
    }
    const written = this.#socket?.write(bytes) ?? 0;
    if (written < bytes.byteLength) this.#unsent = Buffer.from(bytes.subarray(Math.max(0, written)));
  }

  close(): void {
    this.#socket?.end();
  }

  #drain(): void {
    const bytes = this.#unsent;
    if (bytes === undefined) return;
    this.#unsent = undefined;
    this.write(bytes);
  }
}
