// What a fresh process does is interpreted, and takes several times as long as it will. So while nobody asks it anything, a query process reads a few small segments of
// its own making in every way there is. Nothing of a table is touched, and nothing stays but compiled code.
import { DatabaseSync } from "node:sqlite";
import { makeSegmentSample, SAMPLE_PLACES, type SegmentSample } from "../../storage/cold/segment-sample.ts";
import { type ColdSource, ColdTables } from "./cold-tables.ts";

/** 80 ms of the thread in all. More makes little difference: what is left of a first query is not compilation. */
const ROUNDS = 3;
/** Look-ups decode little, so that it takes more of them. */
const LOOKUPS_PER_ROUND = 8;
const LOOKUPS_PER_STEP = 2;
/** Leads through all segments. */
const KEY_STEP = 23;
const CACHE_BYTES = 16 * 1024 * 1024;

/** A step takes a few milliseconds at most. */
export async function* warmingSteps(): AsyncGenerator<void, void> {
  const making = makeSegmentSample();
  let made = making.next();
  for (; made.done !== true; made = making.next()) yield;
  const sample = made.value;
  const db = new DatabaseSync(":memory:");
  for (let round = 0; round < ROUNDS; round += 1) {
    const open = (): ColdTables => new ColdTables({ db, objects: sample.objects, maxBytes: CACHE_BYTES });
    for (let asked = 0; asked < LOOKUPS_PER_ROUND; asked += 1) {
      await lookUp(open(), sample, round * LOOKUPS_PER_ROUND + asked);
      if (asked % LOOKUPS_PER_STEP === LOOKUPS_PER_STEP - 1) yield;
    }
    const tables = open();
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

/** From nothing: footer, keys, one row. */
function lookUp(tables: ColdTables, sample: SegmentSample, asked: number): Promise<unknown> {
  return tables.lookUp(source(sample), [BigInt(asked * KEY_STEP)], sample.segments);
}

function source({ schema, scope }: SegmentSample): ColdSource {
  return { schema, scope, places: undefined, conditions: [], includeDeleted: false, top: undefined };
}
