// The judge itself: what a native client may be told while its subscription catches up, and no longer once it is live.
import { expect, test } from "bun:test";
import { Coverage } from "./coverage.ts";
import type { Filter } from "./filter.ts";
import { Layouts } from "./layouts.ts";
import { Space } from "./model.ts";
import { settleThoseThatStayed, subscribesOf, viewProblem } from "./quiet.ts";
import { COLUMNS, type ModelRow, rowText } from "./row.ts";
import { View } from "./views.ts";
import { Watcher } from "./watcher.ts";

const row: ModelRow = { id: 1, room: "a", n: 1, note: null, f: null, b: null, d: null, at: null };

function put(space: Space, given: ModelRow, commit: bigint): void {
  space.take([{ op: { kind: "put", rows: [given] }, commit, rows: [{ row: given, seq: commit }] }], []);
}

/** A query no row matches, and a row of its table written at 20. */
function neverMatching(): { readonly watcher: Watcher; readonly endsKey: () => void } {
  const space = new Space("own of ann");
  put(space, row, 20n);
  const watcher = new Watcher({
    id: "s0-0",
    user: "ann",
    family: "native-json",
    watch: {
      table: "own",
      filter: { kind: "compare", column: "at", op: "<", value: null },
      columns: undefined,
      start: { kind: "all" },
    },
    space,
    inner: space,
    coverage: new Coverage(),
    from: undefined,
    view: undefined,
    alters: new Layouts(),
    moving: undefined,
  });
  watcher.receive({ kind: "ready", cursor: 10n });
  watcher.judge(20n);
  const endsKey = (): void => {
    watcher.receive({ kind: "gone", id: 1, old: { id: 1, text: "", seq: 20n }, cursor: 20n });
    watcher.judge(20n);
  };
  return { watcher, endsKey };
}

test("a replay that goes on after ready may end keys the client never had", () => {
  const { watcher, endsKey } = neverMatching();
  endsKey();
  expect(watcher.difference(20n)).toBeUndefined();
});

test("a live query may not", () => {
  const { watcher, endsKey } = neverMatching();
  watcher.settle();
  expect(endsKey).toThrow("expected [], came [delete");
});

test("what a live query was told before it settled is judged as of then, however late", () => {
  const { watcher } = neverMatching();
  watcher.receive({ kind: "gone", id: 1, old: { id: 1, text: "", seq: 20n }, cursor: 20n });
  watcher.settle();
  watcher.judge(20n);
  expect(watcher.difference(20n)).toBeUndefined();
});

test("one whose socket ended while all was compared may be replayed to, one that stayed may not", () => {
  const away = neverMatching();
  const before = subscribesOf([away.watcher]);
  away.watcher.subscribed();
  away.watcher.receive({ kind: "ready", cursor: 10n });
  away.watcher.judge(20n);
  settleThoseThatStayed(before);
  away.endsKey();
  const stayed = neverMatching();
  settleThoseThatStayed(subscribesOf([stayed.watcher]));
  expect(stayed.endsKey).toThrow("expected [], came [delete");
});

test("a resume ends what a peer kept of a view's old text, long after", () => {
  const space = new Space("own of ann");
  const view = new View();
  const watcher = new Watcher({
    id: "s0-0",
    user: "ann",
    family: "paging-json",
    watch: { table: "own", filter: undefined, columns: undefined, start: { kind: "all" }, isOfView: true },
    space,
    inner: space,
    coverage: new Coverage(),
    from: undefined,
    view,
    alters: new Layouts(),
    moving: undefined,
  });
  watcher.subscribed();
  watcher.receive({ kind: "rows", rows: [{ id: 1, text: rowText(row, COLUMNS), seq: 10n }], cursor: 10n });
  watcher.receive({ kind: "ready", cursor: 10n });
  put(space, row, 10n);
  watcher.judge(10n);
  const none: Filter = { kind: "compare", column: "id", op: "<", value: 0 };
  view.send(none);
  view.answered();
  view.changedAt = 15n;
  put(space, { ...row, n: 2 }, 20n);
  put(space, { ...row, n: 3 }, 30n);
  space.settle(30n);
  watcher.subscribed();
  watcher.receive({ kind: "ready", cursor: 10n });
  watcher.receive({ kind: "gone", id: 1, old: { id: 1, text: "", seq: 20n }, cursor: 20n });
  watcher.judge(30n);
  expect(watcher.difference(30n)).toBeUndefined();
});

test("what was received before it was subscribed anew is judged by the layout of then", () => {
  const space = new Space("own of ann");
  const layouts = { made: () => made, sent: () => made };
  let made = 2;
  const watcher = new Watcher({
    id: "s0-0",
    user: "ann",
    family: "native-json",
    watch: { table: "own", filter: undefined, columns: undefined, start: { kind: "all" } },
    space,
    inner: space,
    coverage: new Coverage(),
    from: undefined,
    view: undefined,
    alters: layouts,
    moving: undefined,
  });
  const cell = { name: "extra", text: "INT 8" } as const;
  const told = { op: { kind: "put", rows: [row] }, commit: 10n, rows: [{ row, seq: 10n, moving: cell }] } as const;
  space.take([{ ...told, alters: { from: 3, to: 3 } }], []);
  watcher.subscribed();
  made = 3;
  const moving = { name: undefined, text: undefined } as const;
  watcher.receive({
    kind: "rows",
    rows: [{ id: 1, text: rowText(row, COLUMNS), seq: 10n, moving }],
    cursor: undefined,
  });
  watcher.subscribed();
  watcher.judge(10n);
});

test("what is wrong is told with what the live query was told, when, and by when it was judged", () => {
  const { watcher } = neverMatching();
  watcher.note("socket closed: Token expired");
  const evidence = watcher.evidence().join("\n");
  expect(evidence).toContain('{"kind":"ready","cursor":"10"}');
  expect(evidence).toContain("judged 1, commits known to 20");
  expect(evidence).toContain("socket closed: Token expired");
});

test.each([
  ["all of it was delivered", "0", undefined],
  ["a change of it is still being decided about", "7", "own live 0 7"],
])("it is quiet when %s", async (_why, lagMs, problem) => {
  const { watcher } = neverMatching();
  const row = ["ann", "s0-0", "own", "live", "0", lagMs];
  const root = {
    must: async () => ({ kind: "done", results: [{ names: [], rows: [row], seq: undefined, message: "" }] }) as const,
  };
  const found = await viewProblem([watcher], root);
  if (problem === undefined) expect(found).toBeUndefined();
  else expect(found?.message).toContain(problem);
});
