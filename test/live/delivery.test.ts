// The transition table of specs/live-queries.md, row by row.
import { describe, expect, test } from "bun:test";
import { type Seq, seqOf } from "../../src/base/ids.ts";
import {
  type Delivery,
  type DeliveryEvent,
  type Effect,
  type Entry,
  open,
  type Page,
  type PagedStart,
  type Start,
  step,
  type World,
} from "../../src/live/delivery.ts";

const seq = (value: number): Seq => seqOf(BigInt(value));
const row = (value: number, matches = true): Entry => ({
  version: { seq: seq(value), deleted: !matches, cells: [] },
  matches,
});
const page = (position: number, ...entries: readonly Entry[]): Page => ({ position: seq(position), entries });
const world = (dispatched: number, forgotten = 0): World => ({
  dispatched: seq(dispatched),
  forgotten: seq(forgotten),
});

const paging = { pageRows: 2, replayRows: 2 };
const snapshot: Start = { kind: "snapshot", ...paging, pace: "client" };
const pushed: Start = { kind: "snapshot", ...paging, pace: "server" };
const manyLastRows: Start = { kind: "lastRows", ...paging, pace: "client", rows: 5 };
const pushedLastRows: Start = { kind: "lastRows", ...paging, pace: "server", rows: 5 };
const lastRows: PagedStart = { kind: "lastRows", ...paging, pace: "client", rows: 2 };
const resume: PagedStart = { kind: "resume", after: seq(5), ...paging, pace: "client", endsInBatches: false };
const nativeResume: PagedStart = { kind: "resume", after: seq(5), ...paging, pace: "server", endsInBatches: true };

/** Effects in a form that fits a table. */
function brief(effect: Effect): string {
  switch (effect.kind) {
    case "read":
      return `read ${effect.from} (${effect.after}, ${effect.upTo ?? "end"}] ${effect.limit}`;
    case "batch":
      return `batch ${effect.batch} [${effect.entries.map((entry) => entry.version.seq).join(" ")}] ${effect.more ? "more" : "ready"} ${effect.through}`;
    case "replay":
      return `replay [${effect.entries.map((entry) => `${entry.matches ? "" : "-"}${entry.version.seq}`).join(" ")}]`;
    case "refuse":
      return `refuse ${effect.because}`;
    case "reset":
      return effect.isBegun ? "reset" : "reset before anything was sent";
    default:
      return `go live after ${effect.after}`;
  }
}

describe("open", () => {
  test.each<[string, Start, Delivery["phase"], readonly string[]]>([
    ["nothing: live from this moment", { kind: "nothing" }, "live", ["go live after 10"]],
    ["empty: a ready batch without rows", { kind: "empty" }, "live", ["batch 0 [] ready 10", "go live after 10"]],
    ["a snapshot reads one row more than a page", snapshot, "opening", ["read snapshot (0, end] 3"]],
    ["the newest rows are one page", lastRows, "opening", ["read lastRows (0, end] 2"]],
    ["more newest rows than a page are looked for first", manyLastRows, "opening", ["read lastRowsStart (0, end] 5"]],
    ["a resume reads history after the cursor", resume, "opening", ["read history (5, end] 3"]],
  ])("LQ-06 %s", (_why, start, phase, effects) => {
    const opened = open(start, world(10));
    expect([opened.next.phase, opened.effects.map(brief)]).toEqual([phase, [...effects]]);
  });
});

const opening = (start: Start): Delivery => open(start, world(10)).next;
const afterFirst = (start: Start): Delivery =>
  step(opening(start), { kind: "page", page: page(10, row(6), row(7), row(8)), world: world(10) }).next;
const afterStart = (start: Start): Delivery =>
  step(opening(start), { kind: "page", page: { ...page(10), after: seq(3) }, world: world(10) }).next;
const read = (taken: Page, at = world(20)): DeliveryEvent => ({ kind: "page", page: taken, world: at });
const asked = (after?: number): DeliveryEvent => ({
  kind: "asked",
  after: after === undefined ? undefined : seq(after),
});
const gone = (wanted: PagedStart): DeliveryEvent => ({ kind: "historyGone", wanted });
const replaying: Delivery = { phase: "replaying", replayRows: 2, cursor: seq(8) };
const settling: Delivery = { phase: "settling", replayRows: 2, boundary: seq(15) };
const live: Delivery = { phase: "live" };
const dispatched = (position: number, forgotten = 0): DeliveryEvent => ({
  kind: "dispatched",
  world: world(position, forgotten),
});

describe("step", () => {
  test.each<[string, Delivery, DeliveryEvent, Delivery["phase"], readonly string[]]>([
    [
      "a short page is the whole snapshot",
      opening(snapshot),
      read(page(10, row(6))),
      "live",
      ["batch 0 [6] ready 10", "go live after 10"],
    ],
    [
      "a client is left to ask for the next page",
      opening(snapshot),
      read(page(10, row(6), row(7), row(8))),
      "paging",
      ["batch 0 [6 7] more 7"],
    ],
    [
      "a pushed page is followed by a read up to the boundary",
      opening(pushed),
      read(page(10, row(6), row(7), row(8))),
      "paging",
      ["batch 0 [6 7] more 7", "read snapshot (7, 10] 3"],
    ],
    [
      "a read ahead of dispatch waits for it",
      opening(snapshot),
      read(page(30, row(6))),
      "settling",
      ["batch 0 [6] ready 30"],
    ],
    [
      "changes forgotten above the boundary are read from history",
      opening(snapshot),
      read(page(10, row(6)), world(20, 12)),
      "replaying",
      ["batch 0 [6] ready 10", "read history (10, end] 3"],
    ],
    [
      "changes forgotten below the boundary do not matter",
      opening(snapshot),
      read(page(10, row(6)), world(20, 10)),
      "live",
      ["batch 0 [6] ready 10", "go live after 10"],
    ],
    [
      "the newest rows are always ready",
      opening(lastRows),
      read(page(10, row(6), row(7))),
      "live",
      ["batch 0 [6 7] ready 10", "go live after 10"],
    ],
    [
      "the newest rows, once found, are paged like a snapshot of that moment",
      opening(manyLastRows),
      read({ ...page(10), after: seq(3) }),
      "paging",
      ["read snapshot (3, 10] 3"],
    ],
    [
      "the first page of the newest rows is batch 0",
      afterStart(manyLastRows),
      read(page(12, row(4), row(6), row(8))),
      "paging",
      ["batch 0 [4 6] more 6"],
    ],
    [
      "further pages of the newest rows are pushed to a client that does not page",
      afterStart(pushedLastRows),
      read(page(12, row(4), row(6), row(8))),
      "paging",
      ["batch 0 [4 6] more 6", "read snapshot (6, 10] 3"],
    ],
    ["next_batch before the first page is refused", afterStart(manyLastRows), asked(), "paging", ["refuse reading"]],
    ["next_batch reads after what it names", afterFirst(snapshot), asked(7), "paging", ["read snapshot (7, 10] 3"]],
    ["next_batch with null starts over", afterFirst(snapshot), asked(), "paging", ["read snapshot (0, 10] 3"]],
    [
      "next_batch cannot go below the resumed cursor",
      afterFirst(resume),
      asked(1),
      "paging",
      ["read history (5, end] 3"],
    ],
    [
      "the last page completes the snapshot of the first moment",
      step(afterFirst(snapshot), asked(7)).next,
      read(page(19, row(8))),
      "live",
      ["batch 1 [8] ready 10", "go live after 10"],
    ],
    [
      "next_batch while a page is read is refused",
      step(afterFirst(snapshot), asked(7)).next,
      asked(7),
      "paging",
      ["refuse reading"],
    ],
    ["next_batch before the first page is refused", opening(snapshot), asked(), "opening", ["refuse reading"]],
    ["next_batch on pushed pages is refused", afterFirst(pushed), asked(7), "paging", ["refuse complete"]],
    ["next_batch after the last page is refused", live, asked(), "live", ["refuse complete"]],
    [
      "a resume without ends is a snapshot",
      opening(resume),
      read(page(10, row(6))),
      "live",
      ["batch 0 [6] ready 10", "go live after 10"],
    ],
    [
      "rows before the first end stay a batch, the rest goes on as changes",
      opening(resume),
      read(page(10, row(6), row(7, false))),
      "replaying",
      ["batch 0 [6] ready 6", "read history (6, end] 3"],
    ],
    [
      "an end at the start leaves the batch empty",
      opening(resume),
      read(page(10, row(6, false))),
      "replaying",
      ["batch 0 [] ready 5", "read history (5, end] 3"],
    ],
    [
      "native batches carry the ends",
      opening(nativeResume),
      read(page(10, row(6), row(7, false))),
      "live",
      ["batch 0 [6 7] ready 10", "go live after 10"],
    ],
    [
      "history read on beyond the first moment goes on as changes",
      step(afterFirst(resume), asked(7)).next,
      read(page(19, row(8), row(12))),
      "replaying",
      ["batch 1 [8] ready 8", "read history (8, end] 3"],
    ],
    [
      "a full page of history is followed by the next",
      replaying,
      read(page(20, row(9), row(10, false), row(11))),
      "replaying",
      ["replay [9 -10]", "read history (10, end] 3"],
    ],
    [
      "the end of history joins the held changes",
      replaying,
      read(page(20, row(9))),
      "live",
      ["replay [9]", "go live after 20"],
    ],
    ["history that is empty sends nothing", replaying, read(page(20)), "live", ["go live after 20"]],
    [
      "history overtaken again is read on",
      replaying,
      read(page(20, row(9)), world(30, 25)),
      "replaying",
      ["replay [9]", "read history (20, end] 3"],
    ],
    [
      "a resume whose history is gone begins with a snapshot",
      opening(resume),
      gone(resume),
      "opening",
      ["reset before anything was sent", "read snapshot (0, end] 3"],
    ],
    [
      "history that goes while it is paged means beginning anew",
      step(afterFirst(nativeResume), asked(7)).next,
      gone(nativeResume),
      "opening",
      ["reset", "read snapshot (0, end] 3"],
    ],
    [
      "history that goes while it is sent means beginning anew, with what was asked for at first",
      replaying,
      gone(lastRows),
      "opening",
      ["reset", "read lastRows (0, end] 2"],
    ],
    ["next_batch while history is sent is refused", replaying, asked(), "replaying", ["refuse complete"]],
    ["dispatch below the boundary changes nothing", settling, dispatched(14), "settling", []],
    ["dispatch at the boundary goes live", settling, dispatched(15), "live", ["go live after 15"]],
    [
      "dispatch that forgot on its way is made up for",
      settling,
      dispatched(17, 16),
      "replaying",
      ["read history (15, end] 3"],
    ],
    ["next_batch while settling is refused", settling, asked(), "settling", ["refuse complete"]],
    ["dispatch is nothing to an opening subscription", opening(snapshot), dispatched(40), "opening", []],
    ["dispatch is nothing to a live subscription", live, dispatched(40), "live", []],
    ["close ends any phase", replaying, { kind: "closed" }, "closed", []],
    ["a page that comes after the close is nothing", { phase: "closed" }, read(page(10, row(6))), "closed", []],
  ])("LQ-07 %s", (_why, state, event, phase, effects) => {
    const done = step(state, event);
    expect([done.next.phase, done.effects.map(brief)]).toEqual([phase, [...effects]]);
  });

  test.each<[string, Delivery]>([
    ["live", live],
    ["settling", settling],
  ])("a page while %s is our bug and throws", (_phase, state) => {
    expect(() => step(state, read(page(10)))).toThrow("a page arrived");
  });
});
