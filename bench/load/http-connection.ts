// One keep-alive HTTP connection with one request at a time. Knows only what the servers here send: a status line, Content-Length, a body.
import { TcpSocket } from "./tcp-socket.ts";

export interface HttpReply {
  readonly status: number;
  readonly body: string;
}

export interface HttpRequest {
  readonly path: string;
  readonly token: string;
  readonly body: string;
}

type OnReply = (reply: HttpReply) => void;

const CLOSED: HttpReply = { status: 0, body: "connection closed" };
const HEAD_END = Buffer.from("\r\n\r\n");
/** Length of `HTTP/1.1 `. */
const STATUS_START = 9;

export class HttpConnection {
  #socket: TcpSocket | undefined;
  #received: Buffer | undefined;
  #onReply: OnReply | undefined;
  #isClosed = false;

  static async open(port: number): Promise<HttpConnection> {
    const connection = new HttpConnection();
    connection.#socket = await TcpSocket.connect(port, {
      onData: (bytes) => connection.#receive(bytes),
      onClose: () => {
        connection.#isClosed = true;
        connection.#answer(CLOSED);
      },
    });
    return connection;
  }

  /** A connection that has ended answers so at once: a server closes those that were idle for long, and what is written into one is never answered. */
  send({ path, token, body }: HttpRequest, onReply: OnReply): void {
    if (this.#isClosed) {
      onReply(CLOSED);
      return;
    }
    this.#onReply = onReply;
    const length = Buffer.byteLength(body);
    const text = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n${body}`;
    this.#socket?.write(Buffer.from(text));
  }

  request(request: HttpRequest): Promise<HttpReply> {
    return new Promise((resolve) => this.send(request, resolve));
  }

  close(): void {
    this.#onReply = undefined;
    this.#socket?.close();
  }

  #receive(bytes: Buffer): void {
    const all = this.#received === undefined ? bytes : Buffer.concat([this.#received, bytes]);
    const headEnd = all.indexOf(HEAD_END);
    const head = headEnd === -1 ? undefined : all.toString("latin1", 0, headEnd);
    const length = head === undefined ? Number.NaN : Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    const end = headEnd + HEAD_END.length + length;
    if (head === undefined || all.length < end) {
      this.#received = Buffer.from(all);
      return;
    }
    this.#received = undefined;
    this.#answer({
      status: Number(head.slice(STATUS_START, STATUS_START + 3)),
      body: all.toString("utf8", headEnd + 4, end),
    });
  }

  #answer(reply: HttpReply): void {
    const onReply = this.#onReply;
    this.#onReply = undefined;
    onReply?.(reply);
  }
}
