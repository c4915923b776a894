// What the oracle may hold against the server when it does not know what became of a write, and what it may not.
import { expect, test } from "bun:test";
import { Space, type Told } from "./model.ts";
import { movingCell } from "./moving-column.ts";
import { EMPTY_ROW, type ModelRow } from "./row.ts";
import type { WriteOp } from "./step.ts";

const ROW: ModelRow = { ...EMPTY_ROW, id: 1, room: "a", n: 7 };
const ADD: WriteOp = { kind: "add", amount: 1, where: { key: 1 } };

function put(row: ModelRow, commit: bigint): Told {
  return { op: { kind: "put", rows: [row] }, commit, rows: [{ row, seq: commit }] };
}

function set(note: string, row: ModelRow, commit: bigint): Told {
  const op = { kind: "set", column: "note", value: note, where: { key: 1 } } as const;
  return { op, commit, rows: [{ row, seq: commit }] };
}

/** Between the two that were acknowledged, an ADD committed of which nobody was told. */
function withUnknownWrite(): Space {
  const space = new Space("space");
  space.take([put(ROW, 10n), set("x", { ...ROW, n: 8, note: "x" }, 12n)], [ADD]);
  return space;
}

test("a row that an unknown write may have changed is not judged, also not after its table was dropped and is written again", () => {
  const space = withUnknownWrite();
  space.dropped(15n, 20n);
  space.take([put({ ...ROW, n: 1 }, 30n)], []);
  expect(space.isUnsure(1, 12n)).toBe(true);
  expect(space.isUnsure(1, 30n)).toBe(false);
});

test("what follows the drop is judged", () => {
  const space = withUnknownWrite();
  space.dropped(15n, 20n);
  space.take([put({ ...ROW, n: 1 }, 30n)], []);
  expect(() => space.take([set("y", { ...ROW, n: 2, note: "y" }, 31n)], [])).toThrow("set makes");
});

test("what follows a reading is judged by what was read", () => {
  const space = withUnknownWrite();
  const read = { ...ROW, n: 9, note: "x" };
  space.readBack([{ row: read, seq: 13n, moving: movingCell({}), doc: undefined }], 20n);
  space.take([set("y", { ...read, note: "y" }, 30n)], []);
  expect(() => space.take([set("z", { ...ROW, note: "z" }, 31n)], [])).toThrow("set makes");
});
