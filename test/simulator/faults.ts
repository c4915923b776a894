// Faults planted in a server, so that it is known that the simulator sees each of them: wrappers around the methods of a running server's parts,
// put there by `plant-fault.ts` before the server starts. The product knows nothing of them.
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { type Seq, seqOf } from "../../src/base/ids.ts";
import { Alterations } from "../../src/live/alterations.ts";
import { Dispatcher } from "../../src/live/dispatcher.ts";
import { Group } from "../../src/live/group.ts";
import { HeldChanges } from "../../src/live/held-changes.ts";
import { IntervalTree } from "../../src/live/interval-tree.ts";
import { LatestChanges } from "../../src/live/latest-changes.ts";
import { LiveQueries } from "../../src/live/live-queries.ts";
import { RecentChanges } from "../../src/live/recent-changes.ts";
import { Registry } from "../../src/live/registry.ts";
import { Rerun } from "../../src/live/rerun.ts";
import { Router } from "../../src/live/router.ts";
import { RowMatching } from "../../src/live/row-matching.ts";
import { Subscription } from "../../src/live/subscription.ts";
import { SocketServer } from "../../src/server/sockets.ts";
import { CatalogTransaction } from "../../src/storage/catalog/catalog-transaction.ts";
import { ParquetWorker } from "../../src/storage/cold/parquet-worker.ts";
import { FileRecords } from "../../src/storage/files/file-records.ts";
import { Ballast } from "../../src/storage/hot/ballast.ts";
import { dataFilePath } from "../../src/storage/hot/connection.ts";
import { RowStatements } from "../../src/storage/hot/row-statements.ts";
import { WriteTransaction } from "../../src/storage/hot/write-transaction.ts";

/** Names the fault to a server's process. */
export const FAULT_VARIABLE = "SIMULATOR_FAULT";

type Plant = (at: { readonly dataDir: string }) => void;

/** Clients see nothing wrong with a fault that never happens, nor with one so frequent that nothing works. */
const EVERY = 5;

/** What is done to a system that must never do it, by name. */
export const FAULTS = {
  "drop-a-change": () => {
    const isDue = everyNth();
    wrap(Group.prototype, "collect", (collect) => {
      return function (this: Group, change) {
        if (!isDue()) collect.call(this, change);
      };
    });
  },
  "repeat-a-change": () => {
    const isDue = everyNth();
    wrap(Group.prototype, "collect", (collect) => {
      return function (this: Group, change) {
        collect.call(this, change);
        if (isDue()) collect.call(this, change);
      };
    });
  },
  "forget-a-delete": () => forgetEnds((isDeleted) => isDeleted),
  "forget-a-leave": () => forgetEnds((isDeleted) => !isDeleted),
  "skip-the-old-row": () => {
    wrap(Dispatcher.prototype, "dispatch", (dispatch) => {
      return function (this: Dispatcher, { position, changes }) {
        dispatch.call(this, { position, changes: changes.map((change) => ({ ...change, before: undefined })) });
      };
    });
  },
  "deliver-out-of-order": () => {
    const isDue = everyNth();
    const late = new WeakMap<Group, () => void>();
    wrap(Group.prototype, "deliver", (deliver) => {
      return function (this: Group, position, changes) {
        const waiting = late.get(this);
        late.delete(this);
        if (waiting === undefined && changes.length > 0 && isDue()) {
          late.set(this, () => deliver.call(this, position, changes));
          return;
        }
        deliver.call(this, position, changes);
        waiting?.();
      };
    });
  },
  "tear-a-transaction": () => {
    wrap(Group.prototype, "deliver", (deliver) => {
      return function (this: Group, position, changes) {
        for (const change of changes) deliver.call(this, position, [change]);
      };
    });
  },
  "lose-at-hand-off": () => {
    wrap(HeldChanges.prototype, "after", (after) => {
      return function* (this: HeldChanges, position) {
        const [_lost, ...kept] = after.call(this, position);
        yield* kept;
      };
    });
  },
  "forget-the-overflow": () => {
    Object.defineProperty(HeldChanges.prototype, "forgotten", { get: () => seqOf(0n) });
  },
  "snapshot-position-too-new": () => {
    onPage((page, dispatched) => ({ ...page, position: dispatched > page.position ? dispatched : page.position }));
  },
  "snapshot-position-too-old": () => {
    // A position is milliseconds above its lower 22 bits: a second earlier.
    onPage((page) => ({ ...page, position: seqOf(page.position - (1_000n << 22n)) }));
  },
  "forget-ends-on-resume": () => {
    onPage((page) => ({ ...page, entries: page.entries.filter(({ matches }) => matches) }));
  },
  "skip-a-row-of-a-page": () => {
    const isDue = everyNth();
    onPage((page) => ({ ...page, entries: page.entries.filter(({ matches }) => !matches || !isDue()) }));
  },
  "ignore-the-scope": () => {
    const scopes = new Map<unknown, Parameters<Registry["router"]>[1]>();
    wrap(Registry.prototype, "router", (router) => {
      return function (this: Registry, table, scope) {
        const other = scopes.get(table);
        if (router.call(this, table, scope) !== undefined) scopes.set(table, scope);
        return router.call(this, table, other ?? scope);
      };
    });
  },
  "route-past-a-range": () => {
    wrap(IntervalTree.prototype, "search", () => () => undefined);
  },
  "miss-a-candidate": () => {
    let calls = 0;
    wrap(Router.prototype, "collect", (collect) => {
      return function (this: Router<never>, row, found) {
        calls += 1;
        if (calls % 3 !== 0) collect.call(this, row, found);
      };
    });
  },
  "go-live-without-joining": () => {
    const isDue = everyNth();
    wrap(Group.prototype, "promote", (promote) => {
      return function (this: Group, subscriber, how) {
        if (!isDue()) promote.call(this, subscriber, how);
      };
    });
  },
  "squash-one-too-many": () => {
    wrap(LatestChanges.prototype, "take", (take) => {
      return function (this: LatestChanges) {
        return take.call(this).slice(-1);
      };
    });
  },
  "miss-a-rerun": () => {
    const isDue = everyNth(2);
    wrap(Rerun.prototype, "committed", (committed) => {
      return function (this: Rerun, position) {
        if (!isDue()) committed.call(this, position);
      };
    });
  },
  "ask-about-too-few-rows": () => {
    const isDue = everyNth(2);
    wrap(RowMatching.prototype, "changed", (changed) => {
      return function (this: RowMatching, change) {
        if (!isDue()) changed.call(this, change);
      };
    });
  },
  "forget-a-recent-change": () => {
    const isDue = everyNth();
    wrap(RecentChanges.prototype, "add", (add) => {
      return function (this: RecentChanges, change) {
        if (!isDue()) add.call(this, change);
      };
    });
  },
  "count-wrongly": () => {
    Object.defineProperty(Subscription.prototype, "changes", { get: () => 1 });
  },
  "leave-a-ghost": () => {
    const isDue = everyNth();
    wrap(Registry.prototype, "drop", (drop) => {
      return function (this: Registry, subscription) {
        return isDue() ? true : drop.call(this, subscription);
      };
    });
  },
  "go-on-in-another-table": () => {
    wrap(CatalogTransaction.prototype, "createTable", (createTable) => {
      return function (this: CatalogTransaction, definition) {
        return createTable.call(this, definition, seqOf(1n));
      };
    });
  },
  "forget-what-a-column-began-with": () => {
    wrap(CatalogTransaction.prototype, "alterTable", (alterTable) => {
      return function (this: CatalogTransaction, current, change) {
        const columns = change.columns?.map((column) => ({ ...column, initial: null }));
        return alterTable.call(this, current, columns === undefined ? change : { ...change, columns });
      };
    });
  },
  "ignore-an-alter": () => {
    wrap(Alterations.prototype, "altered", () => () => undefined);
  },
  "go-on-with-the-old-view": () => {
    wrap(LiveQueries.prototype, "viewRedefined", () => () => undefined);
  },
  "resume-in-another-view": () => {
    wrap(CatalogTransaction.prototype, "putView", (putView) => {
      return function (this: CatalogTransaction, definition) {
        return putView.call(this, definition, seqOf(1n));
      };
    });
  },
  "keep-a-revoked-socket": () => {
    wrap(LiveQueries.prototype, "dropUser", () => () => 0);
  },
  "keep-the-sockets-of-a-key": () => {
    wrap(SocketServer.prototype, "closeKey", () => () => undefined);
  },
  "close-too-many-sockets": () => {
    wrap(LiveQueries.prototype, "dropUser", (dropUser) => {
      return function (this: LiveQueries, user, reason) {
        return dropUser.call(this, user, reason);
      };
    });
  },
  "fail-a-flush": () => {
    const isDue = everyNth(3);
    wrap(ParquetWorker.prototype, "run", (run) => {
      return function (this: ParquetWorker, request) {
        return isDue() ? Promise.reject(new Error("planted")) : run.call(this, request);
      };
    });
  },
  "stay-full": () => {
    let wasFull = false;
    wrap(Ballast.prototype, "release", (release) => {
      return function (this: Ballast) {
        wasFull = true;
        release.call(this);
      };
    });
    wrap(Ballast.prototype, "ensure", (ensure) => {
      return function (this: Ballast) {
        return !wasFull && ensure.call(this);
      };
    });
  },
  "lose-an-acknowledged-write": () => {
    const isDue = everyNth(40);
    wrap(RowStatements.prototype, "put", (put) => {
      return function (this: RowStatements, table, scope, row) {
        return isDue() ? true : put.call(this, table, scope, row);
      };
    });
  },
  "leave-one-of-many-to-delete": () => {
    const deleted = new WeakMap<WriteTransaction, number>();
    wrap(WriteTransaction.prototype, "put", (put) => {
      return function (this: WriteTransaction, table, scope, cells, how) {
        const count = (deleted.get(this) ?? 0) + (how.deleted ? 1 : 0);
        deleted.set(this, count);
        if (how.deleted && how.before !== undefined && count === 4) return how.before;
        return put.call(this, table, scope, cells, how);
      };
    });
  },
  "forget-what-a-write-leaves-as-it-was": () => {
    wrap(WriteTransaction.prototype, "put", (put) => {
      return function (this: WriteTransaction, table, scope, cells, how) {
        const old = how.before?.cells;
        const place = table.columns.findIndex(({ name }) => name === "at");
        const isLeft = place >= 0 && !how.deleted && old !== undefined && cells[place] === old[place];
        return put.call(this, table, scope, isLeft ? cells.with(place, null) : cells, how);
      };
    });
  },
  "forget-who-holds-a-file": () => {
    wrap(FileRecords.prototype, "replace", () => () => undefined);
  },
  "resurrect-a-flushed-row": () => {
    wrap(RowStatements.prototype, "put", (put) => {
      return function (this: RowStatements, table, scope, row) {
        const isFlushed = this.get(table, scope, row.cells[table.keyIndex] ?? null) === undefined;
        return row.deleted && isFlushed ? true : put.call(this, table, scope, row);
      };
    });
  },
  "forget-a-persisted-row-at-start": () => {
    wrap(RowStatements.prototype, "all", (all) => {
      return function* (this: RowStatements, table) {
        const [_lost, ...kept] = all.call(this, table);
        yield* kept;
      };
    });
  },
  "forget-the-newest-rows-at-start": ({ dataDir }) => {
    if (!existsSync(dataFilePath(dataDir))) return;
    using db = new Database(dataFilePath(dataDir));
    const tables = db
      .query<{ name: string }, []>(
        "SELECT m.name FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c ON c.name = '_seq' WHERE m.type = 'table'",
      )
      .all();
    for (const { name } of tables) db.run(`DELETE FROM ${name} WHERE _seq = (SELECT max(_seq) FROM ${name})`);
  },
} as const satisfies Readonly<Record<string, Plant>>;

export type FaultName = keyof typeof FAULTS;

export function isFaultName(name: string): name is FaultName {
  return Object.hasOwn(FAULTS, name);
}

function wrap<T extends object, K extends keyof T>(target: T, method: K, make: (original: T[K]) => T[K]): void {
  target[method] = make(target[method]);
}

function everyNth(nth = EVERY): () => boolean {
  let count = 0;
  return () => {
    count += 1;
    return count % nth === 0;
  };
}

/** Asked of each end of a row: whether the row was deleted or left the filter. */
function forgetEnds(isForgotten: (isDeleted: boolean) => boolean): void {
  let deleted: ReadonlySet<Seq> = new Set();
  wrap(Dispatcher.prototype, "dispatch", (dispatch) => {
    return function (this: Dispatcher, commit) {
      deleted = new Set(commit.changes.filter(({ after }) => after.deleted).map(({ after }) => after.seq));
      dispatch.call(this, commit);
    };
  });
  wrap(Group.prototype, "collect", (collect) => {
    return function (this: Group, change) {
      if (change.kind !== "delete" || !isForgotten(deleted.has(change.seq))) collect.call(this, change);
    };
  });
}

type PageEvent = Extract<Parameters<Subscription["handle"]>[0], { kind: "page" }>;

function onPage(change: (page: PageEvent["page"], dispatched: Seq) => PageEvent["page"]): void {
  wrap(Subscription.prototype, "handle", (handle) => {
    return function (this: Subscription, event) {
      if (event.kind !== "page") return handle.call(this, event);
      return handle.call(this, { ...event, page: change(event.page, event.world.dispatched) });
    };
  });
}
