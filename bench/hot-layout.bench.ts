// Question: which layout of the hot table serves a chat best: inserts, upserts, a user's last 50 rows, resume from a position, and the flush
// that reads user by user? Decision and discussion: specs/decisions/003-hot-table-layout.md.
// Run: bun bench/hot-layout.bench.ts [rows, default 100000]
import { Database, type Statement } from "bun:sqlite";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

const ROWS = Number(process.argv[2] ?? 100_000);
const USERS = 10_000;
const ROWS_PER_COMMIT = 100;
const UPSERTS = Math.floor(ROWS / 4);
/** Reads of each kind, or as many as fit the time: one layout answers a thousand times slower than the next. */
const READS = 5_000;
const READ_MS = 2_000;
const BODY = "x".repeat(180);
const FIRST_SEQ = 1n << 60n;

interface Layout {
  readonly name: string;
  readonly ddl: readonly string[];
  readonly conflict: string;
  /** The user of a row; SHARED layouts have none. */
  readonly isShared: boolean;
}

const COLUMNS = "_user TEXT NOT NULL, _deleted INTEGER NOT NULL, c1 INTEGER NOT NULL, c2 TEXT";
const LAYOUTS: readonly Layout[] = [
  {
    name: "USER  rowid _seq, unique (_user, key)",
    ddl: [`CREATE TABLE t (_seq INTEGER PRIMARY KEY, ${COLUMNS}, UNIQUE (_user, c1)) STRICT`],
    conflict: "_user, c1",
    isShared: false,
  },
  {
    name: "USER  the same + index (_user, _seq)",
    ddl: [
      `CREATE TABLE t (_seq INTEGER PRIMARY KEY, ${COLUMNS}, UNIQUE (_user, c1)) STRICT`,
      "CREATE INDEX t_seq ON t (_user, _seq)",
    ],
    conflict: "_user, c1",
    isShared: false,
  },
  {
    name: "USER  clustered (_user, key)",
    ddl: [`CREATE TABLE t (_seq INTEGER NOT NULL, ${COLUMNS}, PRIMARY KEY (_user, c1)) STRICT, WITHOUT ROWID`],
    conflict: "_user, c1",
    isShared: false,
  },
  {
    name: "USER  clustered (_user, _seq), unique (_user, key)",
    ddl: [
      `CREATE TABLE t (_seq INTEGER NOT NULL, ${COLUMNS}, PRIMARY KEY (_user, _seq), UNIQUE (_user, c1)) STRICT, WITHOUT ROWID`,
    ],
    conflict: "_user, c1",
    isShared: false,
  },
  {
    name: "SHARED rowid _seq, unique (key)",
    ddl: [`CREATE TABLE t (_seq INTEGER PRIMARY KEY, ${COLUMNS}, UNIQUE (c1)) STRICT`],
    conflict: "c1",
    isShared: true,
  },
  {
    name: "SHARED rowid _seq, unique (_user, key)",
    ddl: [`CREATE TABLE t (_seq INTEGER PRIMARY KEY, ${COLUMNS}, UNIQUE (_user, c1)) STRICT`],
    conflict: "_user, c1",
    isShared: true,
  },
];

/** A few users write most of the rows, as in any chat. */
function userOf(layout: Layout, row: number): string {
  if (layout.isShared) return "";
  const spread = ((row * 7919) % 65_537) / 65_537;
  return `user-${Math.floor(spread * spread * spread * USERS)}`;
}

type Put = Statement<never, [bigint, string, number, number, string]>;

function perSecond(count: number, run: () => void): number {
  const start = performance.now();
  run();
  return count / ((performance.now() - start) / 1_000);
}

function readsPerSecond(read: (index: number) => void): number {
  const start = performance.now();
  let done = 0;
  while (done < READS && performance.now() - start < READ_MS) read(done++);
  return done / ((performance.now() - start) / 1_000);
}

function inCommits(db: Database, count: number, put: (index: number) => void): void {
  for (let start = 0; start < count; start += ROWS_PER_COMMIT) {
    db.run("BEGIN IMMEDIATE");
    for (let index = start; index < Math.min(start + ROWS_PER_COMMIT, count); index++) put(index);
    db.run("COMMIT");
  }
}

function measure(layout: Layout, folder: string): number[] {
  const path = join(folder, `${LAYOUTS.indexOf(layout)}.sqlite`);
  using db = new Database(path, { create: true });
  db.run("PRAGMA journal_mode = WAL");
  db.run("PRAGMA synchronous = FULL");
  for (const statement of layout.ddl) db.run(statement);
  const put: Put = db.prepare(
    `INSERT INTO t (_seq, _user, _deleted, c1, c2) VALUES (?1, ?2, ?3, ?4, ?5)
     ON CONFLICT (${layout.conflict}) DO UPDATE SET _seq = excluded._seq, _deleted = excluded._deleted, c2 = excluded.c2`,
  );
  let seq = FIRST_SEQ;
  const write = (row: number): void => {
    seq += 1n;
    put.run(seq, userOf(layout, row), 0, row, BODY);
  };
  const inserts = perSecond(ROWS, () => inCommits(db, ROWS, write));
  const upserts = perSecond(UPSERTS, () => inCommits(db, UPSERTS, (index) => write((index * 7919) % ROWS)));
  db.run("PRAGMA wal_checkpoint(TRUNCATE)");
  const sizeMb = statSync(path).size / 2 ** 20;
  const last = db.prepare("SELECT _seq, c1, c2 FROM t WHERE _user = ?1 AND _deleted = 0 ORDER BY c1 DESC LIMIT 50");
  const lastShared = db.prepare("SELECT _seq, c1, c2 FROM t WHERE _deleted = 0 ORDER BY c1 DESC LIMIT 50");
  const lasts = readsPerSecond((index) => {
    if (layout.isShared) lastShared.values();
    else last.values(userOf(layout, index * 31));
  });
  const resume = db.prepare("SELECT _seq, c1, c2 FROM t WHERE _user = ?1 AND _seq > ?2 ORDER BY _seq LIMIT 500");
  const resumes = readsPerSecond((index) => resume.values(userOf(layout, index * 31), seq - 100n));
  const flush = db.prepare("SELECT _seq, _deleted, c1, c2 FROM t WHERE _user = ?1 AND _seq <= ?2 ORDER BY _seq");
  let flushed = 0;
  const users = [...new Set(Array.from({ length: 2_000 }, (_, row) => userOf(layout, row)))];
  const start = performance.now();
  for (const user of users) flushed += flush.values(user, seq).length;
  const flushRows = flushed / ((performance.now() - start) / 1_000);
  return [inserts, upserts, lasts, resumes, flushRows, sizeMb];
}

const HEADS = ["inserts/s", "upserts/s", "last 50 /s", "resume /s", "flush rows/s", "MB"];
const folder = mkdtempSync(join(tmpdir(), "hot-layout-"));
console.log(
  `${ROWS} rows, ${USERS} users, ${ROWS_PER_COMMIT} rows a commit, FULL; ${cpus()[0]?.model ?? "?"} x${cpus().length}, bun ${Bun.version}`,
);
console.log(`${"layout".padEnd(52)}${HEADS.map((head) => head.padStart(20)).join("")}`);
try {
  const bases = new Map<boolean, number[]>();
  for (const layout of LAYOUTS) {
    const figures = measure(layout, folder);
    // Ratios are to the first layout of the same kind of table.
    const base = bases.get(layout.isShared) ?? figures;
    bases.set(layout.isShared, base);
    const cells = figures.map(
      (figure, index) => `${Math.round(figure).toLocaleString("en")} (${(figure / (base[index] ?? 1)).toFixed(2)})`,
    );
    console.log(`${layout.name.padEnd(52)}${cells.map((cell) => cell.padStart(20)).join("")}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
