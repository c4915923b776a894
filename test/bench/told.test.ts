import { expect, test } from "bun:test";
import { Journal } from "../../bench/soak/journal.ts";
import { Told } from "../../bench/soak/told.ts";

function acknowledge(version: ReturnType<Journal["insert"]>, seq: bigint): void {
  version.fate = { kind: "acknowledged", seq };
}

/** One row with two acknowledged versions, at 10 and 20, watched since 5. */
function watched(protocol: "native" | "peer" = "native"): { readonly journal: Journal; readonly told: Told } {
  const journal = new Journal();
  const told = new Told({ name: "w", feed: "own:1", journal, protocol });
  told.ready(5n);
  acknowledge(journal.insert("own:1"), 10n);
  acknowledge(journal.change(1, { isEnd: false }), 20n);
  return { journal, told };
}

test("each version once and in order is what a live query owes", () => {
  const { told } = watched();
  told.inserted(1, 1);
  told.reached(10n);
  told.updated(1, 2);
  told.reached(20n);
  expect(told.faults()).toEqual([]);
});

test("a version that never came is found, also when a later one shows the row", () => {
  const { told } = watched();
  told.inserted(1, 2);
  told.reached(20n);
  expect(told.faults()).toEqual(["w: never told of version 1 of row 1, acknowledged at 10; cursor 20, away 0–5"]);
});

test("who was away is owed the newest version alone", () => {
  const { told } = watched();
  told.snapshot(1, 2);
  told.ready(25n);
  expect(told.faults()).toEqual([]);
  const { told: behind } = watched();
  behind.snapshot(1, 1);
  behind.ready(25n);
  expect(behind.faults()).toEqual(["w: shows version 1 of row 1, not 2"]);
});

test.each([
  ["again", (told: Told) => told.updated(1, 2), "w: update of row 1 from version 2 to 2"],
  ["of an end that nobody asked for", (told: Told) => told.ended(1, { isReplayed: false }), "nobody ended"],
  ["at a position that was passed", (told: Told) => told.reached(20n), "w: position 20 after 20"],
  ["of an older version in a snapshot", (told: Told) => told.snapshot(1, 1), "back from version 2 to 1"],
  [
    "of a row that nobody wrote",
    (told: Told) => told.inserted(7, 1),
    "w: told of version 1 of row 7, which nobody wrote",
  ],
])("a change %s is found", (_what, tell, fault) => {
  const { told } = watched();
  told.inserted(1, 1);
  told.updated(1, 2);
  told.reached(20n);
  tell(told);
  expect(told.faults().join("; ")).toContain(fault);
});

test("a row of another feed, and one that was refused, reach nobody", () => {
  const { journal, told } = watched();
  told.inserted(1, 1);
  told.updated(1, 2);
  const other = journal.insert("own:2");
  acknowledge(other, 30n);
  told.inserted(other.id, 1);
  const refused = journal.insert("own:1");
  refused.fate = { kind: "refused" };
  told.inserted(refused.id, 1);
  expect(told.faults()).toEqual([
    `w: told of row ${other.id} of own:2`,
    `w: told of version 1 of row ${refused.id}, which was refused`,
    `w: shows version 1 of row ${refused.id}, not none`,
  ]);
});

test("what is in doubt may show or not", () => {
  for (const isThere of [true, false]) {
    const { journal, told } = watched();
    told.inserted(1, 1);
    told.updated(1, 2);
    journal.change(1, { isEnd: true }).fate = { kind: "inDoubt" };
    if (isThere) told.ended(1, { isReplayed: false });
    expect(told.faults()).toEqual([]);
  }
});

test("after a reset the snapshot is all that is owed", () => {
  const { told } = watched();
  told.inserted(1, 1);
  told.reset("history");
  told.snapshot(1, 2);
  told.ready(30n);
  expect([told.faults(), told.resets]).toEqual([[], ["w: history, from 5"]]);
});
