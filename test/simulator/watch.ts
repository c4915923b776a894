// What follows from how a query is watched: the form its client's protocol can have, what keeps it right, what may end it.
import type { Coverage } from "./coverage.ts";
import { hasRegex } from "./filter.ts";
import type { Family, Watch } from "./step.ts";
import type { Watcher } from "./watcher.ts";

export function isOfStream({ options }: Watcher): boolean {
  return options.watch.table === "feed";
}

/** As the protocol of the client can have it. */
export function watchFor(family: Family, watch: Watch): Watch {
  const { inRoom, isLatest = false, ...rest } = watch;
  if (inRoom === undefined || !family.startsWith("native")) return { ...rest, isLatest };
  return { ...rest, inRoom, start: rest.start.kind === "batches" ? rest.start : { kind: "all" } };
}

export function strategyOf({ inRoom, filter }: Watch): "filter" | "re-run by key" | "re-run" {
  if (inRoom !== undefined) return "re-run";
  return filter !== undefined && hasRegex(filter) ? "re-run by key" : "filter";
}

/** It came back between DROP and CREATE; or a query process had too much to do, or too little time. */
export function mayEnd(watch: Watch, reason: string): boolean {
  const comesBack = watch.table === "brief" || watch.isOfView === true;
  if (comesBack && /^(TABLE_NOT_FOUND|NOT_FOUND: .*Table not found)\b/.test(reason)) return true;
  // The filter of a view may have a regular expression too.
  const hasProcess = strategyOf(watch) !== "filter" || watch.isOfView === true;
  return hasProcess && (isAltered(reason) || /^(SERVER_BUSY|STATEMENT_TIMEOUT)\b/.test(reason));
}

/** What a query process had under way in the old layout is lost. */
function isAltered(reason: string): boolean {
  return reason.startsWith("SUBSCRIPTION_FAILED") && reason.includes("altered");
}

export function coverWatch(coverage: Coverage, family: Family, watch: Watch): void {
  coverage.count(`watch ${family}`);
  coverage.count(`table ${watch.table}`);
  coverage.count(`start ${watch.start.kind}`);
  coverage.count(`strategy ${strategyOf(watch)}`);
  if (watch.isLatest === true) coverage.count("policy latest");
  if (watch.naming !== undefined) coverage.count("watch of the moving column");
  if (watch.isOfView === true) coverage.count("watch of a view");
  if (watch.hasParams === true) coverage.count("watch with parameters");
}
