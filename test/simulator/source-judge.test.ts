// What an INSERT … SELECT and an UPDATE … FROM may have read, and what not.
import { expect, test } from "bun:test";
import type { Filter } from "./filter.ts";
import { Space, type Told } from "./model.ts";
import { EMPTY_ROW, type ModelRow } from "./row.ts";
import { judgeSource } from "./source-judge.ts";
import type { WriteOp } from "./step.ts";

type Made = Extract<WriteOp, { kind: "copy" | "join" }>;

const OLD: ModelRow = { ...EMPTY_ROW, id: 1, room: "a", n: 1 };
const NEW: ModelRow = { ...OLD, n: 2 };
const OTHER: ModelRow = { ...EMPTY_ROW, id: 2, room: "b", n: 7 };
const ALL: Filter = { kind: "compare", column: "id", op: ">=", value: 0 };
const NONE: Filter = { kind: "compare", column: "id", op: "<", value: 0 };

function put(space: Space, row: ModelRow, commit: bigint): void {
  space.take([{ op: { kind: "put", rows: [row] }, commit, rows: [{ row, seq: commit }] }], []);
}

/** The source has OLD from 10, NEW from 20, and OTHER from 12. The statement's commit is 30. */
function judged(op: Made, made: readonly ModelRow[], { sentAt = 15n, before = [] as readonly ModelRow[] } = {}): void {
  const source = new Space("source");
  const target = new Space("target");
  put(source, OLD, 10n);
  put(source, OTHER, 12n);
  put(source, NEW, 20n);
  before.forEach((row, index) => put(target, row, 5n + BigInt(index)));
  const rows = made.map((row, index) => ({ row, seq: 29n + BigInt(index) }));
  const told: Told = { op, commit: 30n, rows, source: { space: source, sentAt } };
  target.take([told], []);
  judgeSource(told, target);
}

const copy = { kind: "copy", from: "items", filter: ALL, orNothing: false } as const;
const join = { kind: "join", from: "items", filter: ALL } as const;

test("rows of any one position since the statement was sent are right", () => {
  judged(copy, [OLD, OTHER]);
  judged(copy, [NEW, OTHER]);
  judged(join, [{ ...EMPTY_ROW, id: 1, n: 2 }], { before: [{ ...EMPTY_ROW, id: 1 }] });
});

test("a row that was read back when all was quiet is there for what is sent later, whatever was acknowledged last", () => {
  const [source, target] = [new Space("source"), new Space("target")];
  // Nobody answered for it.
  source.take([], [{ kind: "put", rows: [NEW] }]);
  source.readBack([{ row: NEW, seq: 12n, moving: { name: undefined, text: undefined }, doc: undefined }], 20n);
  source.settle(20n);
  const told: Told = { op: copy, commit: 30n, rows: [{ row: NEW, seq: 30n }], source: { space: source, sentAt: 15n } };
  target.take([told], []);
  judgeSource(told, target);
  const without: Told = { ...told, commit: 40n, rows: [] };
  target.take([without], []);
  expect(() => judgeSource(without, target)).toThrow("nothing was made of");
});

test.each<[string, () => void, string]>([
  ["a row as it was before what was acknowledged", () => judged(copy, [OLD, OTHER], { sentAt: 25n }), "was made of"],
  ["a row that is left out", () => judged(copy, [NEW]), "nothing was made of"],
  ["a row that the filter excludes", () => judged({ ...copy, filter: NONE }, [NEW]), "was made of"],
  [
    "another value",
    () => judged(join, [{ ...EMPTY_ROW, id: 1, n: 3 }], { before: [{ ...EMPTY_ROW, id: 1 }] }),
    "was made of",
  ],
  [
    "a row that is there and is left out",
    () => judged(join, [], { before: [{ ...EMPTY_ROW, id: 1 }] }),
    "nothing was made of",
  ],
  ["a key that is free and is left out", () => judged({ ...copy, orNothing: true }, []), "nothing was made of"],
])("%s is wrong", (_what, judge, message) => {
  expect(judge).toThrow(message);
});

test("a key that is there may be left out where nothing is to be done about it", () => {
  judged({ ...copy, orNothing: true }, [OTHER], { before: [{ ...EMPTY_ROW, id: 1 }] });
});
