// The log lines of the lives of connections and live queries. They name a live query by its live id and say nothing of its text, its values or its rows.
import type { ConnectionId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Connection } from "./connection.ts";
import { liveId } from "./live-row.ts";
import type { Opening } from "./start.ts";
import type { Subscription } from "./subscription.ts";

export class LifeLog {
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  disconnected({ id, subscriptions }: Connection<Subscription>): void {
    let changes = 0;
    for (const subscription of subscriptions.values()) changes += subscription.changes;
    this.#log.debug("connection served", { connection: id, liveQueries: subscriptions.size, changes });
  }

  slow(connection: ConnectionId, at: { readonly queueBytes: number; readonly behindMs: number | undefined }): void {
    this.#log.warn("slow consumer closed", { connection, ...at });
  }

  opened(subscription: Subscription, { start, reset }: Opening): void {
    const { namespace, name } = subscription.group.plan.table;
    const { kind } = subscription.group.plan.strategy;
    const after = start.kind === "resume" ? { after: start.after } : {};
    const fields = {
      liveQuery: liveId(subscription),
      table: `${namespace}.${name}`,
      strategy: kind,
      start: start.kind,
    };
    this.#log.debug("live query opened", { ...fields, ...after });
    if (reset !== undefined) this.reset(subscription, reset);
  }

  /** Its cursor meant nothing, or history went while it was read. */
  reset(subscription: Subscription, reason: string): void {
    this.#log.info("live query reset", { liveQuery: liveId(subscription), reason });
  }

  /** By its client; `info`: by anybody else. */
  ended(subscription: Subscription, reason: string, level: "debug" | "info" = "info"): void {
    const { changes, lastSeq } = subscription;
    this.#log[level]("live query ended", { liveQuery: liveId(subscription), reason, changes, lastSeq });
  }
}
