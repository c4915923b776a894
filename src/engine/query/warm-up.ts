// What a fresh process does is interpreted, and takes several times as long as it will. So while nobody asks it anything, a query process reads a few small segments of
// its own making in every way there is. Nothing of a table is touched, and nothing stays but compiled code.
import { DatabaseSync } from "node:sqlite";
import { makeSegmentSample, SAMPLE_PLACES, type SegmentSample } from "../../storage/cold/segment-sample.ts";
import { type ColdSource, ColdTables } from "./cold-tables.ts";

/** 65 ms of the thread in all. More makes little difference: what is left of a first query is not compilation. */
const ROUNDS = 4;
const CACHE_BYTES = 16 * 1024 * 1024;

/** A step takes a few milliseconds at most. */
export async function* warmingSteps(): AsyncGenerator<void, void> {
  const making = makeSegmentSample();
  let made = making.next();
  for (; made.done !== true; made = making.next()) yield;
  const sample = made.value;
  const db = new DatabaseSync(":memory:");
  for (let round = 0; round < ROUNDS; round += 1) {
    const tables = new ColdTables({ db, objects: sample.objects, maxBytes: CACHE_BYTES });
    for (const read of READS) {
      await read(tables, sample, round);
      yield;
    }
    tables.dropAll();
  }
  db.close();
}

type Read = (tables: ColdTables, sample: SegmentSample, round: number) => Promise<unknown>;

const { key, body, kind, amount, at } = SAMPLE_PLACES;
const NO_GROUPS = { conditions: [], groups: [], columns: [], hiddenKeys: [] } as const;

const READS: readonly Read[] = [
  (tables, sample, round) =>
    tables.summarize({
      ...NO_GROUPS,
      ...sample,
      conditions: [{ kind: "in", place: kind, values: [`kind ${round}`] }],
      columns: [{ kind: "sum", column: amount }],
    }),
  (tables, sample) =>
    tables.summarize({ ...NO_GROUPS, ...sample, groups: [kind], columns: [{ kind: "max", column: at }] }),
  (tables, sample, round) => tables.lookUp(source(sample), [BigInt(round), BigInt(round * 100)], sample.segments),
  (tables, sample, round) =>
    tables.load(
      {
        ...source(sample),
        places: [key, body, amount, at],
        conditions: [{ kind: "compare", place: amount, op: ">=", value: round }],
        top: { place: at, descending: true, nullsFirst: true, rows: 20 },
      },
      sample.segments,
    ),
  (tables, sample) => tables.load(source(sample), sample.segments),
];

function source({ schema, scope }: SegmentSample): ColdSource {
  return { schema, scope, places: undefined, conditions: [], includeDeleted: false, top: undefined };
}
