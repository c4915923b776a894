// A query that is run again: what its client holds at a position is what a SELECT gave there, and only where nobody can say what that was it is not judged.
import { expect, test } from "bun:test";
import { Coverage } from "./coverage.ts";
import { Layouts } from "./layouts.ts";
import { Space } from "./model.ts";
import { EMPTY_ROW, type ModelRow } from "./row.ts";
import { Watcher } from "./watcher.ts";

const ROW: ModelRow = { ...EMPTY_ROW, id: 1, room: "a", n: 7 };

/** `brief` has had a row since 10; so has what the sub-query reads. */
function watching(): { readonly brief: Space; readonly watcher: Watcher } {
  const [brief, inner] = ["brief", "items"].map((name) => {
    const space = new Space(name);
    space.take([{ op: { kind: "put", rows: [ROW] }, commit: 10n, rows: [{ row: ROW, seq: 10n }] }], []);
    return space;
  });
  if (brief === undefined || inner === undefined) throw new Error("there are two");
  const watcher = new Watcher({
    id: "s0-0",
    user: "ann",
    family: "native-json",
    watch: { table: "brief", filter: undefined, columns: undefined, start: { kind: "all" }, inRoom: "a" },
    space: brief,
    inner,
    coverage: new Coverage(),
    from: undefined,
    view: undefined,
    alters: new Layouts(),
    moving: undefined,
  });
  return { brief, watcher };
}

/** Its client holds nothing, and is told so up to there. */
function emptyAt(watcher: Watcher, cursor: bigint): () => void {
  return () => {
    watcher.receive({ kind: "ready", cursor });
    watcher.judge(30n);
  };
}

test("a client that holds nothing of a table with a row is wrong", () => {
  expect(emptyAt(watching().watcher, 15n)).toThrow("holds nothing, should hold");
});

test("it is right once the table was dropped, and not judged between the positions that the drop is known to lie between", () => {
  const { brief, watcher } = watching();
  brief.dropped(20n, 25n);
  expect(emptyAt(watcher, 22n)).not.toThrow();
  expect(emptyAt(watcher, 25n)).not.toThrow();
});

test("it is wrong before the drop", () => {
  const { brief, watcher } = watching();
  brief.dropped(20n, 25n);
  expect(emptyAt(watcher, 20n)).toThrow("holds nothing, should hold");
});
