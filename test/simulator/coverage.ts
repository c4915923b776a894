// What a run made happen, and how often: a schedule that never does something proves nothing about it.

const EVENTS = [
  "step write",
  "step truncate",
  "step flood",
  "step watch",
  "step unwatch",
  "step cut",
  "step stall",
  "step unstall",
  "step killQuery",
  "step killConnection",
  "step flush",
  "step compact",
  "step killJob",
  "step trouble",
  "step full",
  "step recreate",
  "step alter",
  "step view",
  "step revoke",
  "step stream",
  "step restart",
  "step crash",
  "step wait",
  "step check",
  "step settle",
  "write batch",
  "write commit",
  "write rollback",
  "write as another user",
  "written by put",
  "written by insert",
  "written by upsert",
  "written by set",
  "written by add",
  "written by delete",
  "written by copy",
  "written by join",
  "written by truncate",
  "written by attach",
  "told a file",
  "file read back",
  "write of unknown outcome",
  "watch native-json",
  "watch native-msgpack",
  "watch peer-json",
  "watch peer-msgpack",
  "watch paging-json",
  "watch paging-msgpack",
  "watch with parameters",
  "watch of the moving column",
  "start all",
  "start batches",
  "start last",
  "start none",
  "start from",
  "policy latest",
  "strategy filter",
  "strategy re-run by key",
  "strategy re-run",
  "table items",
  "table own",
  "table wide",
  "table brief",
  "table feed",
  "table kept",
  "view replaced",
  "view dropped",
  "watch of a view",
  "drop of a watched view refused",
  "view read as another user",
  "told rows",
  "told put",
  "told gone",
  "told ready",
  "told reset",
  "told schema",
  "told the moving column",
  "told without the moving column",
  "job killed",
  "job met by a disk in trouble",
  "write refused by a full disk",
  "kept of a dropped table",
  "replayed page",
  "squashed frame",
  "ended by KILL",
  "ended by refusal",
  "ended by ALTER",
  "socket ended by logout",
  "socket ended by password",
  "socket ended by role",
  "socket ended by key",
  "socket ended by drop",
  "socket closed: token expired",
  "socket closed: access revoked",
  "token renewed in place",
  "drop of a watched table refused",
] as const;
export type EventName = (typeof EVENTS)[number];

export class Coverage {
  readonly #counts = new Map<EventName, number>();

  count(event: EventName): void {
    this.#counts.set(event, (this.#counts.get(event) ?? 0) + 1);
  }

  /** What never happened. */
  missing(): readonly EventName[] {
    return EVENTS.filter((event) => !this.#counts.has(event));
  }

  /** Two columns to a line. */
  table(): string {
    const cells = EVENTS.map((event) => `${event.padEnd(32)}${String(this.#counts.get(event) ?? 0).padStart(9)}`);
    const half = Math.ceil(cells.length / 2);
    return cells
      .slice(0, half)
      .map((cell, index) => `${cell}    ${cells[half + index] ?? ""}`.trimEnd())
      .join("\n");
  }
}
