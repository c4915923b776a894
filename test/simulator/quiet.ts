// When all is quiet: every live query shows what the model says, the server's own view of them agrees, and so does a SELECT of the same text.

import { Wrong } from "./model.ts";
import { cellText, wireText } from "./row.ts";
import type { SeenRow } from "./seen.ts";
import type { Answer, SqlUser } from "./sql-user.ts";
import type { Watcher } from "./watcher.ts";

export function modelProblem(watchers: Iterable<Watcher>, known: bigint): Wrong | undefined {
  for (const watcher of watchers) {
    const difference = watcher.difference(known);
    if (difference !== undefined) return watcher.wrong(`when all was quiet: ${difference}`);
  }
  return undefined;
}

/**
 * LQ-02, LQ-10: the view holds exactly what is watched, all of it has gone live, counts what was delivered, and nothing is on its way: a change that a
 * query process has not decided about may be one that the rows do not show.
 */
export async function viewProblem(
  watchers: Iterable<Watcher>,
  root: Pick<SqlUser, "must">,
): Promise<Wrong | undefined> {
  const { results } = await root.must(
    "SELECT user_id, subscription_id, table_name, phase, changes, lag_ms FROM system.live_queries",
  );
  const watched = [...watchers];
  const shown = (results?.at(-1)?.rows ?? [])
    .map((row) => row.map((cell) => cellText(cell).replace(/#\d+$/, "")).join(" "))
    .toSorted();
  const expected = watched.map(shownText).toSorted();
  if (Bun.deepEquals(shown, expected)) return undefined;
  const extra = shown.filter((each) => !expected.includes(each));
  const missing = expected.filter((each) => !shown.includes(each));
  const about = watched.find((watcher) => missing.includes(shownText(watcher)));
  const text = `system.live_queries shows ${extra.join("; ")} where ${missing.join("; ")} was expected`;
  return new Wrong(text, about);
}

function shownText({ options, changes }: Watcher): string {
  return `${options.user} ${options.id} ${options.watch.table} live ${changes} 0`;
}

/** Of the first of them that differs. `userOf` reads as whoever watches. */
export async function selectProblem(
  watchers: Iterable<Watcher>,
  userOf: (watcher: Watcher) => SqlUser,
): Promise<Wrong | undefined> {
  const problems = await Promise.all(
    [...watchers].map(async (watcher) => {
      const answer = await userOf(watcher).must(watcher.sql, watcher.params);
      const difference = watcher.compareWith(rowsSeen(watcher, answer));
      return difference === undefined ? undefined : watcher.wrong(difference);
    }),
  );
  return problems.find((problem) => problem !== undefined);
}

function rowsSeen(watcher: Watcher, answer: Answer): readonly SeenRow[] {
  return rowsOf(answer).map((row) => ({
    id: Number(row["id"]),
    text: wireText(row, watcher.columns),
    seq: row["_seq"] === undefined ? undefined : BigInt(cellText(row["_seq"])),
  }));
}

/** Whoever may act as others is shown by a view over a USER table what they are. */
export async function otherUserProblem(watchers: Iterable<Watcher>, root: SqlUser): Promise<Wrong | undefined> {
  for (const watcher of watchers) {
    const { user, watch, coverage } = watcher.options;
    if (watch.isOfView !== true || watch.table !== "own") continue;
    const answer = await root.must(`EXECUTE AS USER '${user}' (${watcher.sql})`, watcher.params);
    coverage.count("view read as another user");
    const difference = watcher.compareWith(rowsSeen(watcher, answer));
    if (difference !== undefined) return watcher.wrong(`as another user: ${difference}`);
  }
  return undefined;
}

function rowsOf(answer: Answer): readonly Readonly<Record<string, unknown>>[] {
  const result = answer.results?.at(-1);
  const names = result?.names ?? [];
  return (result?.rows ?? []).map((cells) => Object.fromEntries(names.map((name, index) => [name, cells[index]])));
}

/** How often each was subscribed before all was compared. */
export function subscribesOf(watchers: Iterable<Watcher>): ReadonlyMap<Watcher, number> {
  return new Map([...watchers].map((watcher) => [watcher, watcher.subscribes]));
}

/** Those that were there all the time: one whose socket ended meanwhile (its token did) is being replayed to once more. */
export function settleThoseThatStayed(before: ReadonlyMap<Watcher, number>): void {
  for (const [watcher, subscribes] of before) if (watcher.subscribes === subscribes) watcher.settle();
}
