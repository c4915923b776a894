// What the load client asks for: one table, bodies of about 180 bytes, and a mark in each row by which its way is followed.
// A server and its ceiling get the same bytes in the same headers; only the path differs.

export type Operation =
  | "insert"
  | "update"
  | "delete"
  | "select"
  /** A key lookup with its key as a literal in the text. */
  | "select-literal"
  /** An insert with its values in the text. */
  | "insert-literal"
  /** Into the USER table: only the writer's own subscription hears of it. */
  | "insert-own"
  /** Ceiling only: a row for everyone through a topic, a finished frame for each socket in turn, or one for the sender's sockets. */
  | "publish"
  | "send-each"
  | "echo"
  /** Ceiling only: an insert whose row is sent on, in each of these ways, once it is durable. */
  | "insert-publish"
  | "insert-send-each"
  | "insert-echo";

export interface Target {
  readonly kind: "server" | "ceiling";
  readonly port: number;
  readonly token: string;
}

export const SCHEMA = [
  "CREATE NAMESPACE bench",
  "CREATE SHARED TABLE bench.messages (id BIGINT PRIMARY KEY, room TEXT NOT NULL, body TEXT NOT NULL) WITH (ACCESS_LEVEL = 'PUBLIC')",
  "CREATE USER TABLE bench.own (id BIGINT PRIMARY KEY, room TEXT NOT NULL, body TEXT NOT NULL)",
] as const;

/** Every row lands here, so filters on other rooms never match. */
export const ROOM = "hall";
const FILLER = "the quick brown fox jumps over the lazy dog, ".repeat(4);
const MARK = Buffer.from("m:");
const COLON = 58;
const DIGIT_0 = 48;

/** `m:12:…`: the mark is found without decoding what is around it. */
export function rowBody(id: number): string {
  return `m:${id}:${FILLER}`;
}

/** Different from what the row holds: SQLite does not write a page whose bytes stay the same, so nothing would be synced. */
function editedText(id: number): string {
  return `m:${id}:edited, ${FILLER}`;
}

export function requestPath(operation: Operation, { kind }: Target): string {
  return kind === "server" ? "/v1/api/sql" : `/${operation}`;
}

export function requestBody(operation: Operation, id: number): string {
  switch (operation) {
    case "insert":
    case "insert-publish":
    case "insert-send-each":
    case "insert-echo":
      return `{"sql":"INSERT INTO bench.messages (id, room, body) VALUES ($1, $2, $3)","params":[${id},"${ROOM}","${rowBody(id)}"]}`;
    case "insert-own":
      return `{"sql":"INSERT INTO bench.own (id, room, body) VALUES ($1, $2, $3)","params":[${id},"${ROOM}","${rowBody(id)}"]}`;
    case "insert-literal":
      return `{"sql":"INSERT INTO bench.messages (id, room, body) VALUES (${id}, '${ROOM}', '${rowBody(id)}')"}`;
    case "update":
      return `{"sql":"UPDATE bench.messages SET body = $1 WHERE id = $2","params":["${editedText(id)}",${id}]}`;
    case "delete":
      return `{"sql":"DELETE FROM bench.messages WHERE id = $1","params":[${id}]}`;
    case "select":
      return `{"sql":"SELECT id, room, body FROM bench.messages WHERE id = $1","params":[${id}]}`;
    case "select-literal":
      return `{"sql":"SELECT id, room, body FROM bench.messages WHERE id = ${id}"}`;
    case "publish":
      return nativeRow(id);
    case "echo":
      return nativeFrame(id);
    case "send-each":
      return peerFrame(id);
  }
}

/** A position like the server's: 18 digits. */
const SEQ_BASE = 327_500_000_000_000_000n;

function nativeRow(id: number): string {
  return `{"op":"insert","key":["${id}"],"row":["${id}","${ROOM}","${rowBody(id)}","${SEQ_BASE + BigInt(id)}",false]}`;
}

/** What the server sends for one insert under the native protocol, to the byte but for the numbers. */
function nativeFrame(id: number): string {
  return `{"type":"changes","channel":1,"seq":"${SEQ_BASE + BigInt(id)}","changes":[${nativeRow(id)}]}`;
}

function peerFrame(id: number): string {
  const seq = (SEQ_BASE + BigInt(id)).toString();
  return `{"type":"change","subscription_id":"s","change_type":"insert","rows":[{"id":"${id}","room":"${ROOM}","body":"${rowBody(id)}","_seq":"${seq}","_deleted":false}]}`;
}

/** Text that the right answer contains. */
export function expectedText(operation: Operation, id: number): string {
  return operation === "select" || operation === "select-literal" ? `m:${id}:` : '"row_count":1';
}

/** Calls back with the id of every marked row between `start` and `end`. */
export function forEachMark(
  bytes: Buffer,
  range: { readonly start: number; readonly end: number },
  found: (id: number) => void,
): void {
  let at = bytes.indexOf(MARK, range.start);
  while (at !== -1 && at < range.end) {
    let id = 0;
    at += MARK.length;
    for (let digit = bytes[at] ?? COLON; digit !== COLON && at < range.end; digit = bytes[at] ?? COLON) {
      id = id * 10 + digit - DIGIT_0;
      at += 1;
    }
    found(id);
    at = bytes.indexOf(MARK, at);
  }
}
