// The least a Bun program can do for the same effect: no SQL, no users, no checks. What it reaches is the ceiling that the server is measured
// against, on the same machine at the same time. One path per effect, so that not even a statement is looked at.
//   bun bench/load/ceiling.ts FOLDER
import { Database, type Statement } from "bun:sqlite";
import { join } from "node:path";
import type { ServerWebSocket } from "bun";

interface Body {
  readonly params: readonly [number | string, string | number, string];
}

interface SocketData {
  readonly token: string;
}

const TOPIC = "all";
const DONE = '{"status":"success","results":[{"row_count":1}]}';
const JSON_HEADERS = { "content-type": "application/json" };

const db = new Database(join(process.argv[2] ?? ".", "ceiling.sqlite"), { create: true, strict: true });
db.run("PRAGMA journal_mode = WAL");
db.run("PRAGMA synchronous = FULL");
db.run("CREATE TABLE messages (id INTEGER PRIMARY KEY, room TEXT NOT NULL, body TEXT NOT NULL) STRICT");
const begin = db.prepare("BEGIN IMMEDIATE");
const commit = db.prepare("COMMIT");
const insert = db.prepare("INSERT INTO messages (id, room, body) VALUES (?1, ?2, ?3)");
const update = db.prepare("UPDATE messages SET body = ?1 WHERE id = ?2");
const remove = db.prepare("DELETE FROM messages WHERE id = ?1");
const get = db.prepare("SELECT id, room, body FROM messages WHERE id = ?1");

let waiting: (() => void)[] = [];
/** What a durable insert is followed by, once it is durable. */
type After = (row: string) => void;

/** Every write of one turn of the event loop shares a commit and its sync. */
function commitTurn(): void {
  commit.run();
  const done = waiting;
  waiting = [];
  for (const resolve of done) resolve();
}

async function write(request: Request, statement: Statement, after?: After): Promise<Response> {
  const { params } = JSON.parse(await request.text()) as Body;
  if (waiting.length === 0) {
    begin.run();
    setImmediate(commitTurn);
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  statement.run(...params);
  if (after !== undefined) waiting.push(() => after(rowOf(params[0], params[2])));
  await promise;
  return new Response(DONE, { headers: JSON_HEADERS });
}

async function read(request: Request): Promise<Response> {
  const { params } = JSON.parse(await request.text()) as Body;
  const rows = get.values(params[0]);
  const body = JSON.stringify({ status: "success", results: [{ rows, row_count: rows.length }] });
  return new Response(body, { headers: JSON_HEADERS });
}

const sockets = new Map<string, Set<ServerWebSocket<SocketData>>>();

function socketsOf(token: string): Set<ServerWebSocket<SocketData>> {
  const known = sockets.get(token) ?? new Set();
  sockets.set(token, known);
  return known;
}

const SEQ = "327500000000000000";

function rowOf(id: number | string, body: string): string {
  return `{"op":"insert","key":["${id}"],"row":["${id}","hall",${JSON.stringify(body)},"${SEQ}",false]}`;
}

function frameOf(rows: string): string {
  return `{"type":"changes","channel":1,"seq":"${SEQ}","changes":[${rows}]}`;
}

let publishing: string[] = [];

/** The rows of one turn leave in one frame, as the server's do: a frame for each would be more work for the same rows. */
function publishRow(row: string): void {
  if (publishing.length === 0) {
    setImmediate(() => {
      const rows = publishing.join(",");
      publishing = [];
      server.publish(TOPIC, frameOf(rows), false);
    });
  }
  publishing.push(row);
}

let sending: string[] = [];

/** The frames of one turn leave each socket in one write. */
function sendEach(frame: string): void {
  if (sending.length === 0) {
    setImmediate(() => {
      const frames = sending;
      sending = [];
      for (const group of sockets.values()) {
        for (const socket of group) {
          socket.cork(() => {
            for (const each of frames) socket.send(each, false);
          });
        }
      }
    });
  }
  sending.push(frame);
}

function echo(request: Request, frame: string): void {
  for (const socket of socketsOf(tokenOf(request))) socket.send(frame, false);
}

function tokenOf(request: Request): string {
  return request.headers.get("authorization") ?? "";
}

const server = Bun.serve<SocketData>({
  hostname: "127.0.0.1",
  port: 0,
  async fetch(request, self) {
    const { url } = request;
    switch (url.slice(url.indexOf("/", 8))) {
      case "/insert":
        return write(request, insert);
      case "/update":
        return write(request, update);
      case "/delete":
        return write(request, remove);
      case "/select":
        return read(request);
      case "/publish":
        publishRow(await request.text());
        return new Response(DONE, { headers: JSON_HEADERS });
      case "/insert-publish":
        return write(request, insert, publishRow);
      case "/insert-send-each":
        return write(request, insert, (row) => sendEach(frameOf(row)));
      case "/send-each":
        sendEach(await request.text());
        return new Response(DONE, { headers: JSON_HEADERS });
      case "/echo":
        echo(request, await request.text());
        return new Response(DONE, { headers: JSON_HEADERS });
      case "/insert-echo":
        return write(request, insert, (row) => echo(request, frameOf(row)));
      case "/health":
        return new Response("{}");
      default:
        if (self.upgrade(request, { data: { token: tokenOf(request) } })) return undefined;
        return new Response(null, { status: 404 });
    }
  },
  websocket: {
    backpressureLimit: 4 << 20,
    closeOnBackpressureLimit: true,
    open(socket) {
      socketsOf(socket.data.token).add(socket);
      socket.subscribe(TOPIC);
    },
    message(socket) {
      socket.send('{"type":"subscription_ack"}', false);
    },
    close(socket) {
      sockets.get(socket.data.token)?.delete(socket);
    },
  },
});

process.stdout.write(`ready at http://127.0.0.1:${server.port}\n`);
