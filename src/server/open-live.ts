// Live queries, fed by the writer's commits, which are counted on their way, and told what the buffer holds, so that clients which come back after a restart are
// resumed from memory too.
import type { Server } from "bun";
import { assertMayRead } from "../auth/access.ts";
import type { Clock } from "../base/clock.ts";
import { type Seq, seqOf } from "../base/ids.ts";
import { errorText, type Log } from "../base/log.ts";
import type { Pacer } from "../base/pacer.ts";
import type { Config } from "../config/config.ts";
import type { QueryRunner } from "../engine/reads.ts";
import { createRowSource } from "../engine/row-source.ts";
import { createLiveQueries, type LiveQueries } from "../live/live-queries.ts";
import type { TableSchema } from "../model/schema.ts";
import type { ScopedVersion } from "../storage/seams.ts";
import type { Store } from "../storage/store.ts";
import { liveLimits } from "./live-limits.ts";
import { createOutlet, type SocketOutlet, type SocketTable } from "./outlet.ts";
import type { SocketData } from "./socket-data.ts";
import type { WriteCounters } from "./stats.ts";

export interface OpenLiveInput {
  readonly server: Server<SocketData>;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Log;
  readonly store: Store;
  readonly queries: QueryRunner;
  readonly pacer: Pacer;
}

export interface OpenedLive {
  readonly live: LiveQueries;
  readonly outlet: SocketOutlet;
  readonly sockets: SocketTable;
  readonly writes: WriteCounters;
  /** Call before the store is closed. */
  readonly stopLoading: () => void;
}

/** A read of so many rows holds the loop for about a millisecond. */
const LOADED_AT_ONCE = 256;
const REMEMBERED_AT_ONCE = 4_096;

export function openLive(input: OpenLiveInput): OpenedLive {
  const { server, config, clock, log, store, queries, pacer } = input;
  const { writer } = store;
  const sockets: SocketTable = new Map();
  const outlet = createOutlet({ sockets, server: () => server, clock });
  const live = createLiveQueries({
    outlet,
    source: createRowSource({ ...store, queries }, store.epoch),
    clock,
    log,
    limits: liveLimits(config),
    turn: () => pacer.turn(),
    authorize: ({ role }, table) => assertMayRead(role, table),
  });
  const writes: WriteCounters = { commits: 0, changes: 0 };
  // Each by itself: a fault in one of them keeps the others from nothing, least of all from the rows.
  writer.onCommit((event) => {
    writes.commits += 1;
    writes.changes += event.changes.length;
  });
  writer.onCommit(({ redefinedViews }) => redefinedViews.forEach((view) => live.viewRedefined(view)));
  writer.onCommit((event) => live.dispatch(event));
  writer.onCommit(({ altered }) => altered.forEach((table) => live.tableAltered(table)));
  writer.onCommit(({ droppedTables }) => droppedTables.forEach((table) => live.tableDropped(table)));
  const loading = new AbortController();
  loadBuffered(live, { store, pacer, startsAt: writer.position, signal: loading.signal }).catch((error: unknown) =>
    log.warn("buffered rows were not loaded for resumes", { error: errorText(error) }),
  );
  return { live, outlet, sockets, writes, stopLoading: () => loading.abort() };
}

interface LoadInput extends Pick<OpenLiveInput, "store" | "pacer"> {
  /** Changes above it were dispatched. */
  readonly startsAt: Seq;
  readonly signal: AbortSignal;
}

/** Table by table, the newest rows first, until there is no room for more. */
async function loadBuffered(live: LiveQueries, input: LoadInput): Promise<void> {
  for (const table of input.store.catalog.tables()) {
    if (table.kind !== "stream" && !(await loadTable(live, table, input))) return;
  }
}

async function loadTable(live: LiveQueries, table: TableSchema, input: LoadInput): Promise<boolean> {
  const { store, pacer, startsAt, signal } = input;
  let upTo = startsAt;
  for (;;) {
    const versions: ScopedVersion[] = [];
    let isLast = false;
    while (!isLast && versions.length < REMEMBERED_AT_ONCE) {
      await pacer.turn();
      if (signal.aborted) return false;
      // Altered or dropped since: nothing of it can be used.
      if (store.catalog.tableById(table.id) !== table) return true;
      // A row that has changed since has left its place to a version that was dispatched.
      const read = store.reader.newest(table, { upTo, limit: LOADED_AT_ONCE });
      versions.push(...read);
      isLast = read.length < LOADED_AT_ONCE;
      upTo = isLast ? seqOf(0n) : seqOf((read.at(-1)?.version.seq ?? upTo) - 1n);
    }
    if (!live.remember(table, versions, upTo)) return false;
    if (isLast) return true;
  }
}
