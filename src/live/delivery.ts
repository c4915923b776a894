// One subscription's way from its first read to live delivery, as a pure state machine: no clock, no socket, no storage. `Subscription`
// runs the effects. specs/live-queries.md explains the states, numbers the invariants and names the tests that hold them.
//
// Invariant L1: every change above the boundary of what was read is delivered exactly once, in `_seq` order, and none at or below it.
import { assertNever } from "../base/errors.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";

/** Who asks for the next page: the client, or the server as fast as the socket takes them. */
export type Pace = "client" | "server";

interface Paging {
  /** Rows of a batch, and of a page of history sent as changes. */
  readonly pageRows: number;
  readonly replayRows: number;
  readonly pace: Pace;
}

/** What the client wants before the changes. `resume` reads history: rows and the ends of rows. */
export type Start =
  | { readonly kind: "nothing" }
  | { readonly kind: "empty" }
  /** `after`: only rows above it. */
  | (Paging & { readonly kind: "snapshot"; readonly after?: Seq })
  /** The newest `rows`; more than a page of them are paged like a snapshot that begins at the oldest of them. */
  | (Paging & { readonly kind: "lastRows"; readonly rows: number })
  | (Paging & {
      readonly kind: "resume";
      readonly after: Seq;
      /** The protocol's batches can carry the ends of rows; else history goes on as changes from the first end. */
      readonly endsInBatches: boolean;
    });

export type PagedStart = Extract<Start, { readonly pageRows: number }>;

/** A version as read; `matches` is false for a tombstone or a row outside the filter, which only a history read returns. */
export interface Entry {
  readonly version: RowVersion;
  readonly matches: boolean;
}

export interface Page {
  readonly entries: readonly Entry[];
  /** The commit position the rows were read at. */
  readonly position: Seq;
  /** Answer to `lastRowsStart`: the rows wanted are above it. */
  readonly after?: Seq;
}

/** What the group knows at the moment of an event. */
export interface World {
  /** Every commit up to here has been dispatched. */
  readonly dispatched: Seq;
  /** Held changes up to here were forgotten at the group's bound. */
  readonly forgotten: Seq;
}

export type Delivery =
  /** The group has no rows yet. Nothing was sent. */
  | { readonly phase: "preparing" }
  /** The first read is under way. */
  | { readonly phase: "opening"; readonly start: PagedStart }
  /** Some pages were sent. `reading`: the next one is being read; else the client is to ask for it. */
  | {
      readonly phase: "paging";
      readonly start: PagedStart;
      /** Position of the first page. */
      readonly boundary: Seq;
      readonly cursor: Seq;
      /** Number of the last page sent, from 0. */
      readonly batch: number;
      readonly reading: boolean;
    }
  /** History is being read and sent as changes, from the cursor to wherever its end is when it is reached. */
  | { readonly phase: "replaying"; readonly replayRows: number; readonly cursor: Seq }
  /** All is sent up to a boundary that dispatch has not reached yet. */
  | { readonly phase: "settling"; readonly replayRows: number; readonly boundary: Seq }
  | { readonly phase: "live" }
  | { readonly phase: "closed" };

export type DeliveryEvent =
  | { readonly kind: "page"; readonly page: Page; readonly world: World }
  /** Instead of a page of history: ends of rows after its cursor were forgotten. `wanted`: what the client asked for at first. */
  | { readonly kind: "historyGone"; readonly wanted: PagedStart }
  /** `next_batch`; undefined starts over. */
  | { readonly kind: "asked"; readonly after: Seq | undefined }
  | { readonly kind: "dispatched"; readonly world: World }
  | { readonly kind: "closed" };

export type Effect =
  | {
      readonly kind: "read";
      readonly from: "snapshot" | "lastRows" | "lastRowsStart" | "history";
      /** Exclusive. */
      readonly after: Seq;
      /** Inclusive. */
      readonly upTo: Seq | undefined;
      readonly limit: number;
    }
  /** `through`: a resume after this position misses nothing. */
  | {
      readonly kind: "batch";
      readonly entries: readonly Entry[];
      readonly batch: number;
      readonly more: boolean;
      readonly through: Seq;
    }
  | { readonly kind: "replay"; readonly entries: readonly Entry[] }
  /** What the client has cannot be made right: it begins anew, with a snapshot. `isBegun`: it was sent something already. */
  | { readonly kind: "reset"; readonly isBegun: boolean }
  | { readonly kind: "refuse"; readonly because: "reading" | "complete" }
  /** Deliver what is held above `after`, then every new change. */
  | { readonly kind: "goLive"; readonly after: Seq };

export interface Step {
  readonly next: Delivery;
  readonly effects: readonly Effect[];
}

const NO_SEQ = seqOf(0n);
/** Every subscription ends up in one of these: they share them. */
export const LIVE: Delivery = { phase: "live" };
export const CLOSED: Delivery = { phase: "closed" };

export function open(start: Start, world: World): Step {
  switch (start.kind) {
    case "nothing":
      return { next: LIVE, effects: [{ kind: "goLive", after: world.dispatched }] };
    case "empty":
      return {
        next: LIVE,
        effects: [
          { kind: "batch", entries: [], batch: 0, more: false, through: world.dispatched },
          { kind: "goLive", after: world.dispatched },
        ],
      };
    default:
      return { next: { phase: "opening", start }, effects: [readPage(start, beginning(start), undefined)] };
  }
}

export function step(state: Delivery, event: DeliveryEvent): Step {
  if (state.phase === "closed") return { next: state, effects: [] };
  switch (event.kind) {
    case "page":
      return onPage(state, event.page, event.world);
    case "historyGone":
      return onHistoryGone(state, event.wanted);
    case "asked":
      return onAsked(state, event.after);
    case "dispatched":
      if (state.phase !== "settling" || event.world.dispatched < state.boundary) return { next: state, effects: [] };
      return settle(state.boundary, state.replayRows, event.world);
    case "closed":
      return { next: CLOSED, effects: [] };
    default:
      return assertNever(event, "delivery event");
  }
}

function beginning(start: PagedStart): Seq {
  return start.kind === "lastRows" ? NO_SEQ : (start.after ?? NO_SEQ);
}

/** One row more than a page holds, to know whether another page follows. */
function readPage(start: PagedStart, after: Seq, boundary: Seq | undefined): Effect {
  switch (start.kind) {
    case "lastRows": {
      const from = start.rows > start.pageRows ? "lastRowsStart" : "lastRows";
      return { kind: "read", from, after, upTo: boundary, limit: start.rows };
    }
    case "snapshot":
      return { kind: "read", from: "snapshot", after, upTo: boundary, limit: start.pageRows + 1 };
    case "resume":
      return readHistory(after, start.pageRows);
    default:
      return assertNever(start, "start");
  }
}

/**
 * Never bounded above. A row that left the filter after the client's cursor and changes again before its page is read would slip between a
 * bounded page and the held changes: neither of its two newest versions matches, so no change is made of it. Read to the end, it is met at its new place.
 */
function readHistory(after: Seq, pageRows: number): Effect {
  return { kind: "read", from: "history", after, upTo: undefined, limit: pageRows + 1 };
}

function onPage(state: Delivery, page: Page, world: World): Step {
  switch (state.phase) {
    case "opening":
      if (page.after !== undefined) return pageFrom(state.start, page.after, page.position);
      return initialPage(
        { start: state.start, boundary: page.position, batch: 0, after: beginning(state.start) },
        page,
        world,
      );
    case "paging":
      return initialPage({ ...state, batch: state.batch + 1, after: state.cursor }, page, world);
    case "replaying":
      return replayedPage(state.replayRows, page, world);
    default:
      throw new Error(`a page arrived while ${state.phase}`);
  }
}

/** Where the newest rows begin is known: they are those of a snapshot at the same position, above that place. */
function pageFrom({ pageRows, replayRows, pace }: PagedStart, after: Seq, boundary: Seq): Step {
  const start: PagedStart = { kind: "snapshot", pageRows, replayRows, pace, after };
  return {
    next: { phase: "paging", start, boundary, cursor: after, batch: -1, reading: true },
    effects: [readPage(start, after, boundary)],
  };
}

interface InitialPage {
  readonly start: PagedStart;
  readonly boundary: Seq;
  readonly batch: number;
  /** Where the page begins, exclusive. */
  readonly after: Seq;
}

/**
 * Where batches hold rows only, history goes on as changes from the first entry that ended a row: clients drop what is not above all they
 * have seen, so a row may never be sent ahead of an end with a lower `_seq`. What was written after the first page goes on as changes too.
 */
function initialPage(at: InitialPage, page: Page, world: World): Step {
  const { start, boundary, batch } = at;
  const shown = page.entries.slice(0, start.pageRows);
  const endsFit = start.kind === "resume" && start.endsInBatches;
  const firstChange = shown.findIndex((entry) => entry.version.seq > boundary || !(entry.matches || endsFit));
  const entries = firstChange < 0 ? shown : shown.slice(0, firstChange);
  const through = entries.at(-1)?.version.seq ?? at.after;
  if (firstChange >= 0) {
    const replayed = replayAfter(through, start.replayRows);
    return { ...replayed, effects: [{ kind: "batch", entries, batch, more: false, through }, ...replayed.effects] };
  }
  if (page.entries.length === shown.length) {
    const settled = settle(boundary, start.replayRows, world);
    const last: Effect = { kind: "batch", entries, batch, more: false, through: boundary };
    return { ...settled, effects: [last, ...settled.effects] };
  }
  const reading = start.pace === "server";
  const sent: Effect = { kind: "batch", entries, batch, more: true, through };
  return {
    next: { phase: "paging", start, boundary, cursor: through, batch, reading },
    effects: reading ? [sent, readPage(start, through, boundary)] : [sent],
  };
}

function replayedPage(replayRows: number, page: Page, world: World): Step {
  const entries = page.entries.slice(0, replayRows);
  const cursor = entries.at(-1)?.version.seq;
  const isLast = page.entries.length === entries.length || cursor === undefined;
  const following = isLast ? settle(page.position, replayRows, world) : replayAfter(cursor, replayRows);
  if (entries.length === 0) return following;
  return { ...following, effects: [{ kind: "replay", entries }, ...following.effects] };
}

function replayAfter(cursor: Seq, replayRows: number): Step {
  return { next: { phase: "replaying", replayRows, cursor }, effects: [readHistory(cursor, replayRows)] };
}

function onHistoryGone(state: Delivery, wanted: PagedStart): Step {
  const { pageRows, replayRows, pace } = wanted;
  const start: PagedStart = wanted.kind === "lastRows" ? wanted : { kind: "snapshot", pageRows, replayRows, pace };
  return {
    next: { phase: "opening", start },
    effects: [{ kind: "reset", isBegun: state.phase !== "opening" }, readPage(start, NO_SEQ, undefined)],
  };
}

/** Everything up to `boundary` is sent: go on with the held changes, or with history where some of them were forgotten. */
function settle(boundary: Seq, replayRows: number, world: World): Step {
  if (world.forgotten > boundary) return replayAfter(boundary, replayRows);
  if (world.dispatched < boundary) return { next: { phase: "settling", replayRows, boundary }, effects: [] };
  return { next: LIVE, effects: [{ kind: "goLive", after: boundary }] };
}

function onAsked(state: Delivery, after: Seq | undefined): Step {
  const refuse = (because: "reading" | "complete"): Step => ({ next: state, effects: [{ kind: "refuse", because }] });
  if (state.phase === "preparing" || state.phase === "opening") return refuse("reading");
  if (state.phase !== "paging" || state.start.pace !== "client") return refuse("complete");
  if (state.reading) return refuse("reading");
  // A client may go back, never below where its reading began.
  const least = beginning(state.start);
  const cursor = after === undefined || after < least ? least : after;
  return {
    next: { ...state, cursor, reading: true },
    effects: [readPage(state.start, cursor, state.boundary)],
  };
}
