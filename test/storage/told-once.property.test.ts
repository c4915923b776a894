// What listeners are told beside what submitters are told, with nobody waiting for anybody: single works and works in slices, works that fail, segments that are committed in the
// batch of other writes, the trimmer removing what they hold in batches that others join, the log being folded, commits that the disk refuses, listeners that write themselves.
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Scope, Seq } from "../../src/base/ids.ts";
import type { FailpointName } from "../../src/storage/hot/failpoint.ts";
import type { CommitEvent, Committed, Slices, WriteTx } from "../../src/storage/seams.ts";
import type { Store } from "../../src/storage/store.ts";
import { ALICE, BOB, createTable, openTestStore, type TestStore, write } from "./open-test-store.ts";

type Table = Awaited<ReturnType<typeof createTable>>;

interface Act {
  readonly kind: "put" | "slices" | "segment";
  readonly scope: Scope;
  readonly keys: readonly number[];
  readonly fails: boolean;
  /** Longer than a batch may be open: it is committed in the middle of the turn. */
  readonly isLong: boolean;
  /** A listener submits a work of its own when it is told of the next commit. */
  readonly echoes: boolean;
  /** The loop turns before the next act. */
  readonly endsTurn: boolean;
  /** What the disk says to commits from here to the next act. */
  readonly disk: "ok" | "SQLITE_FULL" | "SQLITE_IOERR_FSYNC";
}

const act: fc.Arbitrary<Act> = fc.record({
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constant("put" as const) },
    { weight: 1, arbitrary: fc.constant("slices" as const) },
    { weight: 3, arbitrary: fc.constant("segment" as const) },
  ),
  scope: fc.constantFrom(ALICE, BOB),
  keys: fc.array(fc.nat(6), { minLength: 1, maxLength: 4 }),
  fails: fc.nat(9).map((dice) => dice === 0),
  isLong: fc.nat(5).map((dice) => dice === 0),
  echoes: fc.nat(7).map((dice) => dice === 0),
  endsTurn: fc.boolean(),
  disk: fc.oneof(
    { weight: 12, arbitrary: fc.constant("ok" as const) },
    { weight: 1, arbitrary: fc.constantFrom("SQLITE_FULL" as const, "SQLITE_IOERR_FSYNC" as const) },
  ),
});

interface Told {
  readonly seqs: readonly Seq[];
  readonly position: Seq;
  /** Commits that listeners had been told of when the submitter was. */
  readonly after: number;
}

class Run {
  readonly acknowledged: Told[] = [];
  readonly events: CommitEvent[] = [];
  readonly #works: Promise<void>[] = [];
  readonly #store: TestStore;
  readonly #table: Table;
  #echoes = 0;

  constructor(store: TestStore, table: Table) {
    this.#store = store;
    this.#table = table;
    const { writer } = store.current;
    writer.onCommit((event) => {
      this.events.push(event);
      if (this.#echoes === 0) return;
      this.#echoes -= 1;
      this.#follow(writer.submit((tx) => [this.#put(tx, ALICE, 7)]));
    });
  }

  start({ kind, scope, keys, fails, isLong, echoes }: Act): void {
    const { writer } = this.#store.current;
    const { clock } = this.#store;
    if (echoes) this.#echoes += 1;
    if (kind === "segment") {
      this.#follow(writer.submit((tx) => this.#commitSegment(tx, scope)));
      return;
    }
    const puts = function* (this: Run, tx: WriteTx): Slices<readonly Seq[]> {
      const seqs: Seq[] = [];
      for (const key of keys) {
        seqs.push(this.#put(tx, scope, key));
        if (isLong || kind === "slices") clock.monotonic += 100;
        yield;
      }
      if (fails) throw new Error("chosen to fail");
      return seqs;
    };
    if (kind === "slices") this.#follow(writer.submitInSlices((tx) => puts.call(this, tx)));
    else this.#follow(writer.submit((tx) => lastOf(puts.call(this, tx))));
  }

  async settled(): Promise<void> {
    for (let known = -1; known < this.#works.length; ) {
      known = this.#works.length;
      await Promise.all(this.#works);
    }
    await this.#store.current.trimmed();
  }

  #follow(work: Promise<Committed<readonly Seq[]>>): void {
    const note = ({ value: seqs, position }: Committed<readonly Seq[]>): void => {
      this.acknowledged.push({ seqs, position, after: this.events.length });
    };
    this.#works.push(work.then(note, () => undefined));
  }

  #put(tx: WriteTx, scope: Scope, key: number): Seq {
    return write(tx, { table: this.#table, scope, cells: [BigInt(key), "text"], deleted: key === 6 }).seq;
  }

  /** Of everything that was committed when the flush read it. */
  #commitSegment(tx: WriteTx, scope: Scope): readonly Seq[] {
    const maxSeq = this.#store.current.writer.position;
    tx.commitSegment({
      tableId: this.#table.id,
      scope,
      path: crypto.randomUUID(),
      schemaVersion: 1,
      rows: 1,
      bytes: 1,
      minSeq: maxSeq,
      maxSeq,
      minKey: 0n,
      maxKey: 10n,
      createdAtMs: 0,
    });
    return [];
  }
}

function lastOf<T>(slices: Slices<T>): T {
  for (;;) {
    const step = slices.next();
    if (step.done === true) return step.value;
  }
}

/** Every acknowledged write is in one commit event, at the position its submitter was told, before the submitter was told; and nothing else is in any. */
function check({ acknowledged, events }: Run): void {
  const told = events.flatMap(({ changes }) => changes.map(({ after }) => after.seq));
  expect(told).toEqual(acknowledged.flatMap(({ seqs }) => [...seqs]).toSorted((a, b) => (a < b ? -1 : 1)));
  const eventOf = new Map(events.flatMap((event, at) => event.changes.map(({ after }) => [after.seq, { event, at }])));
  for (const { seqs, position, after } of acknowledged) {
    const places = seqs.map((seq) => eventOf.get(seq));
    expect(places.map((place) => place?.event.position)).toEqual(seqs.map(() => position));
    for (const place of places) expect(place?.at).toBeLessThan(after);
  }
  for (const [at, { position, changes }] of events.entries()) {
    const before = events[at - 1]?.position ?? 0n;
    expect(position).toBeGreaterThan(before);
    for (const { after } of changes) {
      expect(after.seq).toBeGreaterThan(before);
      expect(after.seq).toBeLessThanOrEqual(position);
    }
  }
}

test("ST-01 LQ-07 every acknowledged write is told to listeners once, in order, before its writer is told, whatever shares its batch", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 1, maxLength: 40 }), async (acts) => {
      const faults = new Map<FailpointName, string>();
      const failpoint = (name: FailpointName): void => {
        const code = faults.get(name);
        if (code !== undefined) throw Object.assign(new Error(code), { code });
      };
      await using store = openTestStore({ failpoint });
      const table = await createTable(store.current, "messages");
      const run = new Run(store, table);
      for (const one of acts) {
        if (one.disk === "ok") faults.clear();
        else faults.set("commit", one.disk);
        run.start(one);
        if (one.endsTurn) await new Promise((resolve) => setImmediate(resolve));
      }
      faults.clear();
      await run.settled();
      check(run);
    }),
    { numRuns: 60 },
  );
});

test("ST-01 of works that wait for a large one, those past the bound are refused and told to nobody, the others once and in order", async () => {
  const waiting = 10_000;
  await using store = openTestStore();
  const table = await createTable(store.current, "messages");
  const { writer } = store.current satisfies Store;
  const told: bigint[] = [];
  writer.onCommit(({ changes }) => told.push(...changes.map(({ after }) => after.seq)));
  const put = (tx: WriteTx, key: number): Seq => write(tx, { table, scope: ALICE, cells: [BigInt(key), "x"] }).seq;
  const large = writer.submitInSlices(function* (tx): Slices<Seq> {
    put(tx, 0);
    yield;
    return put(tx, 1);
  });
  const outcomes = await Promise.allSettled(
    Array.from({ length: waiting + 20 }, (_unused, at) => writer.submit((tx) => put(tx, 2 + at))),
  );
  const acknowledged = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.value] : []));
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused.length).toBeGreaterThanOrEqual(20);
  for (const { reason } of refused) expect(reason).toMatchObject({ code: "SERVER_BUSY" });
  const largeSeq = (await large).value;
  expect(told.slice(1)).toEqual([largeSeq, ...acknowledged]);
});
