// Puts one page together from reads of bounded size, and says of every version whether it matches.
import { assertNever } from "../base/errors.ts";
import type { Scope, Seq, UserId } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import { evaluationRow } from "../model/change.ts";
import type { AdmittedReads, IsWanted } from "./admitted-reads.ts";
import type { Effect, Entry, Page } from "./delivery.ts";
import { type Filter, matches } from "./membership.ts";
import type { PageRequest, RowPage } from "./ports.ts";

export type Read = Extract<Effect, { kind: "read" }>;

export interface PageReader extends Filter {
  readonly source: AdmittedReads;
  readonly scope: Scope;
  readonly user: UserId;
  readonly readRows: number;
  /** False once the subscription has ended. */
  readonly isWanted: IsWanted;
}

/** `historyGone`: history after the cursor is not whole any more. `outdated`: the read has to be made by another plan. */
export type PageAnswer = Page | "historyGone" | "outdated";

/** Rejects with what the source or the predicate throws. */
export async function readPage(reader: PageReader, read: Read): Promise<PageAnswer> {
  if (read.from === "lastRowsStart") return readLastRowsStart(reader, read);
  const { from } = read;
  const versions: RowVersion[] = [];
  let { after, upTo } = read;
  for (;;) {
    const wanted = read.limit - versions.length;
    // The newest rows are found from their end: they cannot be put together from parts.
    const limit = read.from === "lastRows" ? wanted : Math.min(wanted, reader.readRows);
    const page = await readRows(reader, from, { after, upTo, limit });
    for (const version of page.rows) versions.push(version);
    const last = page.rows.at(-1);
    const isComplete = last === undefined || page.rows.length < limit || versions.length >= read.limit;
    if (isComplete || read.from === "lastRows") {
      if (reader.source.isOutdated(reader.plan)) return "outdated";
      // Asked after the read: what was purged before or while it was made is missing in it.
      if (from === "history" && read.after < reader.source.historyStartsAt(reader.plan.table, reader.scope))
        return "historyGone";
      const answers = await matchesOf(reader, read.from, versions);
      const entries = versions.map((version, index): Entry => ({ version, matches: answers?.[index] ?? true }));
      return { entries, position: positionOf(read, upTo, page) };
    }
    // A snapshot is of one moment, that of its first read; history is read to wherever its end is.
    if (read.from === "snapshot") upTo ??= page.position;
    after = last.seq;
  }
}

async function readLastRowsStart(
  { source, plan, slots, scope, user, isWanted }: PageReader,
  read: Read,
): Promise<Page> {
  const { after, upTo, limit } = read;
  const start = await source.lastRowsStart({ plan, slots, scope, user, after, upTo, limit }, isWanted);
  return { entries: [], position: start.position, after: start.after };
}

function positionOf(read: Read, upTo: Seq | undefined, last: RowPage): Seq {
  return read.from === "snapshot" ? (upTo ?? last.position) : last.position;
}

function readRows(
  { source, plan, slots, scope, user, isWanted }: PageReader,
  from: Exclude<Read["from"], "lastRowsStart">,
  bounds: Pick<PageRequest, "after" | "upTo" | "limit">,
): Promise<RowPage> {
  const request: PageRequest = { plan, slots, scope, user, ...bounds };
  switch (from) {
    case "snapshot":
      return source.snapshot(request, isWanted);
    case "lastRows":
      return source.lastRows(request, isWanted);
    case "history":
      return source.history(request, isWanted);
    default:
      return assertNever(from, "read");
  }
}

/** Undefined: all of them do, because the read asked for no others. */
async function matchesOf(
  { source, user, ...filter }: PageReader,
  from: Read["from"],
  versions: readonly RowVersion[],
): Promise<readonly boolean[] | undefined> {
  if (from !== "history") return undefined;
  const { plan, slots } = filter;
  if (plan.strategy.kind === "filter") {
    return versions.map((version) => !version.deleted && matches(filter, evaluationRow(version)));
  }
  const living = versions.filter((version) => !version.deleted);
  const answers = (await source.matching({ plan, slots, user, versions: living })).values();
  return versions.map((version) => !version.deleted && answers.next().value === true);
}
