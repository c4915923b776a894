// The writers of a soak: a few lanes, each with feeds of its own, so that the versions of a row follow each other; inserts, batches, transactions, updates and ends of rows.
import type { Journal, Version } from "./journal.ts";

export interface WriterTarget {
  /** Where the server is now. */
  readonly url: string;
  readonly tokenOf: (feed: string) => string;
  /** Of `own:…` a USER table, of `room:…` a SHARED one. */
  readonly tableOf: (feed: string) => string;
}

export interface LaneOptions {
  readonly target: WriterTarget;
  readonly journal: Journal;
  readonly feeds: readonly string[];
  readonly random: () => number;
  readonly pauseMs: number;
  readonly isOver: () => boolean;
  /** A refusal that no restart explains. */
  readonly onRefusal: (text: string) => void;
}

const BODY = "the quick brown fox jumps over the lazy dog, ".repeat(8);
const RETRY_MS = 50;
/** What a server that stops, is busy or alters the table answers; it has written nothing then. */
const EXPECTED = new Set(["SHUTTING_DOWN", "SERVER_BUSY", "WRITE_CONFLICT"]);

interface Live {
  readonly id: number;
  readonly feed: string;
}

export async function runLane(options: LaneOptions): Promise<void> {
  const { journal, feeds, random, isOver, pauseMs } = options;
  const live: Live[] = [];
  while (!isOver()) {
    const feed = feeds[Math.floor(random() * feeds.length)] ?? "";
    const dice = random();
    const at = Math.floor(random() * live.length);
    const row = live[at];
    let versions: readonly Version[];
    if (row === undefined || dice < 0.4) versions = [journal.insert(feed)];
    else if (dice < 0.5) versions = Array.from({ length: 5 }, () => journal.insert(feed));
    else if (dice < 0.6) versions = [journal.insert(row.feed), journal.change(row.id, { isEnd: false })];
    else versions = [journal.change(row.id, { isEnd: dice >= 0.9 })];
    const isKnown = await write(versions, options);
    // Of a row in doubt nobody knows what its next version would be.
    if (row !== undefined && (!isKnown || versions.some(({ id, isEnd }) => id === row.id && isEnd))) live.splice(at, 1);
    if (isKnown) for (const { id, n, feed: own } of versions) if (n === 1) live.push({ id, feed: own });
    await Bun.sleep(isKnown ? pauseMs * (0.5 + random()) : RETRY_MS);
  }
}

/** True: all of it was acknowledged. */
async function write(
  versions: readonly Version[],
  { target, onRefusal }: Pick<LaneOptions, "target" | "onRefusal">,
): Promise<boolean> {
  const [{ feed } = { feed: "" }] = versions;
  const answer = await post(target, feed, textOf(versions, target.tableOf(feed), feed));
  for (const version of versions) version.fate = answer.fate;
  if (answer.fate.kind === "refused" && !EXPECTED.has(answer.code)) onRefusal(answer.text);
  return answer.fate.kind === "acknowledged";
}

interface Answer {
  readonly fate: Version["fate"];
  readonly code: string;
  readonly text: string;
}

async function post(target: WriterTarget, feed: string, sql: string): Promise<Answer> {
  try {
    const response = await fetch(`${target.url}/v1/api/sql`, {
      method: "POST",
      // A connection of its own: one that a dying server has left must not make a client ask twice.
      keepalive: false,
      headers: { "content-type": "application/json", authorization: `Bearer ${target.tokenOf(feed)}` },
      body: JSON.stringify({ sql }),
    });
    const text = await response.text();
    if (response.status === 200) {
      const seqs = [...text.matchAll(/"seq":"(\d+)"/g)].map(([, seq = "0"]) => BigInt(seq));
      const seq = seqs.reduce((most, one) => (one > most ? one : most), 0n);
      return { fate: { kind: "acknowledged", seq }, code: "", text };
    }
    const code =
      /"(?:reason|code)":"(SHUTTING_DOWN|SERVER_BUSY|WRITE_CONFLICT)"/.exec(text)?.[1] ??
      (response.status === 503 ? "SERVER_BUSY" : "");
    return { fate: { kind: "refused" }, code, text: `${response.status} ${text} to ${sql.slice(0, 100)}` };
  } catch {
    // The server ended before it answered.
    return { fate: { kind: "inDoubt" }, code: "", text: "" };
  }
}

function textOf(versions: readonly Version[], table: string, feed: string): string {
  const inserts = versions.filter(({ n }) => n === 1);
  const changes = versions.filter(({ n }) => n > 1);
  const values = inserts.map(({ id }) => `(${id}, 1, '${feed}', '${BODY}')`).join(", ");
  const statements = changes.map(({ id, n, isEnd }) =>
    isEnd ? `DELETE FROM ${table} WHERE id = ${id}` : `UPDATE ${table} SET n = ${n} WHERE id = ${id} AND n = ${n - 1}`,
  );
  if (inserts.length > 0) statements.push(`INSERT INTO ${table} (id, n, feed, body) VALUES ${values}`);
  return statements.length === 1 ? (statements[0] ?? "") : `BEGIN; ${statements.join("; ")}; COMMIT`;
}
