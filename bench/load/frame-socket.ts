// A WebSocket client that reads frames where they lie, so that counting a delivery costs less than making it.
// Servers here send whole, unfragmented frames; anything else ends the run.
import { TcpSocket } from "./tcp-socket.ts";

export interface FrameHandlers {
  /** The payload is `bytes` from `start` to `end`, valid during the call. */
  readonly onText: (bytes: Buffer, start: number, end: number) => void;
  /** The socket ended without `close` being called. */
  readonly onLost: (why: string) => void;
}

export interface FrameSocketOptions extends FrameHandlers {
  readonly port: number;
  readonly path: string;
  readonly token: string;
}

const HEAD_END = Buffer.from("\r\n\r\n");
const FIN_TEXT = 0x81;
const FIN_CLOSE = 0x88;
const FIN_PING = 0x89;
const FIN_PONG = 0x8a;

export class FrameSocket {
  readonly #handlers: FrameHandlers;
  readonly #upgraded = Promise.withResolvers<void>();
  #socket: TcpSocket | undefined;
  #received: Buffer | undefined;
  #isUpgraded = false;
  #isClosing = false;

  private constructor(handlers: FrameHandlers) {
    this.#handlers = handlers;
  }

  static async open({ port, path, token, ...handlers }: FrameSocketOptions): Promise<FrameSocket> {
    const self = new FrameSocket(handlers);
    self.#socket = await TcpSocket.connect(port, {
      onData: (bytes) => self.#receive(bytes),
      onClose: () => self.#lost("connection closed"),
    });
    const key = crypto.getRandomValues(new Uint8Array(16)).toBase64();
    self.#socket.write(
      Buffer.from(
        `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      ),
    );
    await self.#upgraded.promise;
    return self;
  }

  send(text: string): void {
    this.#write(FIN_TEXT, Buffer.from(text));
  }

  close(): void {
    this.#isClosing = true;
    this.#socket?.close();
  }

  #write(first: number, payload: Buffer): void {
    const { length } = payload;
    // A mask of zeros leaves the payload as it is.
    const head = length < 126 ? [first, 0x80 | length] : [first, 0x80 | 126, length >> 8, length & 0xff];
    this.#socket?.write(Buffer.concat([Uint8Array.of(...head, 0, 0, 0, 0), payload]));
  }

  #lost(why: string): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#upgraded.reject(new Error(why));
    this.#handlers.onLost(why);
  }

  #receive(bytes: Buffer): void {
    const all = this.#received === undefined ? bytes : Buffer.concat([this.#received, bytes]);
    this.#received = undefined;
    const start = this.#isUpgraded ? 0 : this.#readUpgrade(all);
    const end = start === undefined ? 0 : this.#readFrames(all, start);
    if (end < all.length) this.#received = Buffer.from(all.subarray(end));
  }

  /** Where frames begin. */
  #readUpgrade(all: Buffer): number | undefined {
    const headEnd = all.indexOf(HEAD_END);
    if (headEnd === -1) return undefined;
    const head = all.toString("latin1", 0, headEnd);
    if (!head.startsWith("HTTP/1.1 101")) {
      this.#lost(`upgrade refused: ${head.split("\r\n")[0] ?? ""}`);
      return undefined;
    }
    this.#isUpgraded = true;
    this.#upgraded.resolve();
    return headEnd + HEAD_END.length;
  }

  /** Returns where the first incomplete frame begins. */
  #readFrames(all: Buffer, from: number): number {
    let at = from;
    while (at + 2 <= all.length) {
      const short = all[at + 1] ?? 0;
      const headLength = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (at + headLength > all.length) break;
      const length =
        short < 126 ? short : short === 126 ? all.readUInt16BE(at + 2) : Number(all.readBigUInt64BE(at + 2));
      const end = at + headLength + length;
      if (end > all.length) break;
      this.#readFrame(all, { first: all[at] ?? 0, start: at + headLength, end });
      at = end;
    }
    return at;
  }

  #readFrame(all: Buffer, frame: { readonly first: number; readonly start: number; readonly end: number }): void {
    const { first, start, end } = frame;
    if (first === FIN_TEXT) this.#handlers.onText(all, start, end);
    else if (first === FIN_PING) this.#write(FIN_PONG, Buffer.from(all.subarray(start, end)));
    else if (first === FIN_CLOSE)
      this.#lost(
        `closed by the server: ${end - start >= 2 ? all.readUInt16BE(start) : "no code"} ${all.toString("utf8", start + 2, end)}`,
      );
    else if (first !== FIN_PONG) this.#lost(`unexpected frame ${first}`);
  }
}
