// Where the demo's chat comes from: a file of messages, a git history, or a seeded generator with the same skew of rooms, authors and lengths.
import { gunzipSync } from "node:zlib";

export interface Message {
  /** 1, 2, 3 … in time order. */
  readonly id: number;
  readonly room: string;
  readonly author: string;
  /** RFC 3339, UTC. */
  readonly sentAt: string;
  readonly text: string;
}

export type Source =
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "git"; readonly repository: string }
  | { readonly kind: "generated"; readonly seed: number; readonly count: number };

export async function readMessages(source: Source): Promise<Message[]> {
  switch (source.kind) {
    case "file":
      return readFileMessages(source.path);
    case "git":
      return readGitMessages(source.repository);
    case "generated":
      return generateMessages(source.seed, source.count);
  }
}

/** One JSON object a line: room, author, sent_at, text; ids are given by position. */
async function readFileMessages(path: string): Promise<Message[]> {
  const bytes = await Bun.file(path).bytes();
  const text = new TextDecoder().decode(path.endsWith(".gz") ? gunzipSync(bytes) : bytes);
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line, index) => {
    const value: unknown = JSON.parse(line);
    const field = (name: string): string => {
      const found = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
      if (typeof found !== "string" || found === "")
        throw new Error(`${path}:${index + 1}: "${name}" must be a non-empty string`);
      return found;
    };
    return {
      id: index + 1,
      room: field("room"),
      author: field("author"),
      sentAt: field("sent_at"),
      text: field("text"),
    };
  });
}

const UNIT = "\u001f";
const RECORD = "\u001e";

/** Commits, oldest first: the author writes the commit's text into the room named after the first folder it touched. */
async function readGitMessages(repository: string): Promise<Message[]> {
  const format = [`${RECORD}%an`, "%aI", "%B"].join(UNIT);
  const git = Bun.spawn(["git", "-C", repository, "log", "--reverse", "--name-only", `--format=${format}${UNIT}`], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [text, fault, code] = await Promise.all([
    new Response(git.stdout).text(),
    new Response(git.stderr).text(),
    git.exited,
  ]);
  if (code !== 0) throw new Error(`git log failed in ${repository}: ${fault.trim()}`);
  const records = text.split(RECORD).slice(1);
  return records.map((record, index) => {
    const [author = "", date = "", body = "", files = ""] = record.split(UNIT);
    const first = files.trim().split("\n")[0] ?? "";
    return {
      id: index + 1,
      room: first.includes("/") ? (first.split("/")[0] ?? "root") : "root",
      author: author.trim() || "unknown",
      sentAt: new Date(date).toISOString(),
      text: body.trim() || "(no message)",
    };
  });
}

/** mulberry32: small, seeded, good enough to skew a chat. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const ROOMS = 5;
const AUTHORS = 384;
const WORDS =
  "fix test query cache stream row table index flush commit docs error type live plan room user merge retry close".split(
    " ",
  );

/** Zipf-like: rank r is drawn with weight 1 / (r + 1). */
function skewed(random: () => number, count: number): number {
  return Math.min(count - 1, Math.floor((count + 1) ** random()) - 1);
}

function generateMessages(seed: number, count: number): Message[] {
  const random = createRandom(seed);
  let atMs = Date.UTC(2020, 0, 1);
  return Array.from({ length: count }, (_, index) => {
    atMs += Math.floor(-Math.log(1 - random()) * 60_000);
    // Most messages are a line, a few are essays of two thousand characters.
    const words = 1 + Math.floor(300 ** random());
    const text = Array.from({ length: words }, () => WORDS[Math.floor(random() * WORDS.length)] ?? "word").join(" ");
    return {
      id: index + 1,
      room: `room-${skewed(random, ROOMS) + 1}`,
      author: `u${String(skewed(random, AUTHORS) + 1).padStart(3, "0")}`,
      sentAt: new Date(atMs).toISOString(),
      text: text.slice(0, 2000),
    };
  });
}

/** Authors by number of messages, busiest first. */
export function busiestAuthors(messages: readonly Message[]): string[] {
  const counts = new Map<string, number>();
  for (const message of messages) counts.set(message.author, (counts.get(message.author) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).map(([author]) => author);
}
