// Live queries wired to an in-memory store, sockets and a still clock.
import {
  type ConnectionId,
  newConnectionId,
  parseUserId,
  type Scope,
  type Seq,
  SHARED_SCOPE,
  scopeOfUser,
} from "../../../src/base/ids.ts";
import { silentLog } from "../../../src/base/log.ts";
import { DEFAULT_LIVE_LIMITS, type LiveLimits } from "../../../src/live/limits.ts";
import { createLiveQueries, type LiveQueries } from "../../../src/live/live-queries.ts";
import type { Principal } from "../../../src/live/ports.ts";
import type { TableSchema } from "../../../src/model/schema.ts";
import type { Cell } from "../../../src/model/sql-type.ts";
import type { Dialect } from "../../../src/protocol/dialect.ts";
import { type Evaluations, livePlan, type Query } from "./chat-table.ts";
import type { Family } from "./clients.ts";
import { type Socket, Sockets } from "./sockets.ts";
import { VersionedStore } from "./versioned-store.ts";

export function dialect(family: Family, format: Dialect["format"] = "json"): Dialect {
  return {
    protocol: family === "native" ? "native" : "peer",
    format,
    gzip: false,
    compression: "none",
    pages: family === "paging",
  };
}

export interface SubscribeArguments {
  readonly id: string;
  readonly table: TableSchema;
  readonly query: Query;
  readonly user?: string;
  readonly options?: {
    readonly batchSize?: number;
    readonly lastRows?: number;
    readonly from?: bigint | undefined;
    readonly epoch?: string;
    readonly slow?: "disconnect" | "latest";
  };
}

export class Harness {
  readonly store = new VersionedStore();
  readonly sockets = new Sockets(() => this.nowMs);
  readonly evaluations: Evaluations = { count: 0 };
  readonly live: LiveQueries;
  nowMs = 1_000;
  /** There is always time, until a test says otherwise. */
  turn: () => Promise<void> | undefined = () => undefined;
  /** Everybody may read everything, until a test says otherwise. */
  authorize: (principal: Principal, table: TableSchema) => void = () => undefined;

  constructor(limits: Partial<LiveLimits> = {}) {
    this.live = createLiveQueries({
      outlet: this.sockets,
      source: this.store,
      clock: { nowMs: () => this.nowMs, monotonicMs: () => this.nowMs },
      log: silentLog,
      limits: { ...DEFAULT_LIVE_LIMITS, ...limits },
      turn: () => this.turn(),
      authorize: (principal, table) => this.authorize(principal, table),
    });
  }

  connect(
    family: Family,
    user = "ann",
    format: Dialect["format"] = "json",
  ): { readonly id: ConnectionId; readonly socket: Socket } {
    const id = newConnectionId();
    const socket = this.sockets.open(id);
    this.live.connect(id, { user: parseUserId(user), role: "user" }, dialect(family, format));
    return { id, socket };
  }

  scope(table: TableSchema, user: string): Scope {
    return table.kind === "user" ? scopeOfUser(parseUserId(user)) : SHARED_SCOPE;
  }

  subscribe(connection: ConnectionId, { id, table, query, user = "ann", options }: SubscribeArguments): void {
    this.store.queries.set(query.name, query);
    this.live.subscribe(connection, {
      id,
      query: `SELECT … ${query.name}`,
      plan: livePlan(table, query, this.evaluations),
      slots: query.slots,
      statement: {
        plan: (own) => ({ plan: livePlan(own, query, this.evaluations), slots: query.slots }),
      },
      scope: this.scope(table, user),
      options:
        options === undefined
          ? undefined
          : {
              batchSize: options.batchSize,
              lastRows: options.lastRows,
              from: options.from as Seq | undefined,
              epoch: options.epoch,
              slow: options.slow,
            },
    });
  }

  alter(table: TableSchema): void {
    this.store.altered.set(table.id, table);
    this.live.tableAltered(table);
  }

  /** Commits and dispatches. */
  write(
    table: TableSchema,
    user: string,
    ...rows: readonly { readonly cells: readonly Cell[]; readonly deleted?: boolean }[]
  ): void {
    const commit = this.store.commit(rows.map((row) => ({ table, scope: this.scope(table, user), ...row })));
    this.store.markDispatched(commit);
    this.live.dispatch(commit);
  }
}

export function messages(socket: Socket): Record<string, unknown>[] {
  return socket.frames.splice(0).map((frame) => {
    if (typeof frame !== "string") throw new Error("binary frame on a JSON socket");
    return JSON.parse(frame) as Record<string, unknown>;
  });
}

/** Reads answer at once. */
export function started(limits: Partial<LiveLimits> = {}): Harness {
  const harness = new Harness(limits);
  harness.store.immediate = true;
  return harness;
}
