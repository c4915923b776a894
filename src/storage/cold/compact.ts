// Compaction on the main thread: chooses which runs of a scope to merge, has the worker write the new files step by step, and swaps the segments in one transaction.
// Whatever dies before that transaction leaves the old segments; whatever dies after it leaves files that no segment names.
import type { Clock } from "../../base/clock.ts";
import { assert } from "../../base/errors.ts";
import type { Scope, Seq, TableId } from "../../base/ids.ts";
import { seqAtMs } from "../../base/seq.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { CatalogView, Segment, Writer } from "../seams.ts";
import {
  type CompactionPolicy,
  chooseAged,
  chooseFullMerge,
  chooseMerge,
  chooseRewrite,
  type Merge,
  runsOf,
  type SortedRun,
} from "./compaction-plan.ts";
import type { MergeRequest, WorkerUsage } from "./flush-messages.ts";
import type { Merged, MergeTask } from "./merge-scope.ts";
import { GIVE_UP_AFTER_MS, type ParquetWorker } from "./parquet-worker.ts";
import { assertSamePlace, localPlaces, type Places } from "./places.ts";
import type { RetiredFiles } from "./retired-files.ts";
import { segmentTag } from "./segment-paths.ts";

export interface CompactionSettings extends CompactionPolicy {
  /** Of one file. */
  readonly targetBytes: number;
  /** Ends of rows are kept at least this long, unless their table has a time of its own. */
  readonly tombstoneRetentionMs: number;
}

export interface CompactScopeRequest {
  readonly table: TableId;
  readonly scope: Scope;
  /** `due`: what the policy asks for; `full`: until one run is left, without the tombstones that may go. */
  readonly mode: "due" | "full";
  /** Checked between steps. Merges already committed stay. */
  readonly signal?: AbortSignal;
}

export interface ScopeCompacted {
  readonly merges: number;
  readonly segmentsBefore: number;
  readonly segmentsAfter: number;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
  readonly usage: WorkerUsage;
}

export interface Compactor {
  compactScope(request: CompactScopeRequest): Promise<ScopeCompacted>;
  /** Whether the policy asks for a merge of the scope. */
  isDue(table: TableId, scope: Scope): boolean;
}

export interface CompactorDeps {
  /** Absolute; segments lie below it. */
  readonly storageDir: string;
  /** Undefined: everything goes below `storageDir`. */
  readonly places?: Places;
  readonly catalog: Pick<CatalogView, "tableById" | "segments">;
  readonly writer: Pick<Writer, "submit">;
  readonly worker: ParquetWorker;
  readonly clock: Clock;
  readonly settings: CompactionSettings;
  /** Removes the files of what was replaced, when nobody can read them any more. */
  readonly retired: Pick<RetiredFiles, "retire" | "doubt">;
}

const HOUR_MS = 3_600_000;
/** A scope that is flushed more often is not written anew as a whole for a few tombstones, however soon these may go. */
const MIN_REST_MS = 24 * HOUR_MS;

export function createCompactor(deps: CompactorDeps): Compactor {
  const { catalog } = deps;
  let lastMerge = 0;
  return {
    compactScope(request) {
      return new ScopeCompaction(deps, request, () => {
        lastMerge += 1;
        return lastMerge;
      }).run();
    },
    isDue: (table, scope) => {
      const runs = runsOf(catalog.segments(table, scope));
      return chooseDue(runs, deps, catalog.tableById(table)) !== undefined;
    },
  };
}

interface Chosen {
  readonly schema: TableSchema;
  readonly merge: Merge;
}

class ScopeCompaction {
  readonly #deps: CompactorDeps;
  readonly #request: CompactScopeRequest;
  readonly #nextMerge: () => number;
  readonly #places: Places;
  #merges = 0;
  #memoryBytes = 0;
  #cpuUs = 0;

  constructor(deps: CompactorDeps, request: CompactScopeRequest, nextMerge: () => number) {
    this.#deps = deps;
    this.#request = request;
    this.#nextMerge = nextMerge;
    this.#places = deps.places ?? localPlaces(deps.storageDir);
  }

  async run(): Promise<ScopeCompacted> {
    const before = this.#segments();
    for (let chosen = this.#choose(); chosen !== undefined; chosen = this.#choose()) {
      this.#request.signal?.throwIfAborted();
      await this.#merge(chosen);
      this.#merges += 1;
    }
    const after = this.#segments();
    return {
      merges: this.#merges,
      segmentsBefore: before.length,
      segmentsAfter: after.length,
      rowsBefore: rowsOf(before),
      rowsAfter: rowsOf(after),
      usage: { memoryBytes: this.#memoryBytes, cpuUs: this.#cpuUs },
    };
  }

  #segments(): readonly Segment[] {
    return this.#deps.catalog.segments(this.#request.table, this.#request.scope);
  }

  /** Definition and segments of one moment: no file is younger than the definition it is merged under. */
  #choose(): Chosen | undefined {
    const { catalog } = this.#deps;
    const schema = catalog.tableById(this.#request.table);
    if (schema === undefined) return undefined;
    const { mode } = this.#request;
    const runs = runsOf(this.#segments());
    const merge =
      mode === "due"
        ? chooseDue(runs, this.#deps, schema)
        : (chooseFullMerge(runs) ?? chooseRewrite(runs, { purgeBelow: purgeBelowOf(this.#deps, schema), mode }));
    // What a merge has just made holds no tombstone that could go.
    if (merge === undefined || (merge.runs.length === 1 && this.#merges > 0)) return undefined;
    return { schema, merge };
  }

  async #merge(chosen: Chosen): Promise<void> {
    const { writer, retired } = this.#deps;
    const { table, scope } = this.#request;
    const removed = chosen.merge.runs.flatMap(({ segments }) => segments);
    const folder = this.#places.folderOf(chosen.schema, scope);
    const storage = this.#places.storageOf(folder);
    const { segments: added, purgedUpTo } = await this.#write(chosen, folder);
    try {
      await writer.submit((tx) => {
        assertSamePlace(tx.catalog, storage);
        return tx.replaceSegments({ table, scope, removed, added, purgedUpTo });
      });
    } catch (error) {
      retired.doubt(added);
      throw error;
    }
    retired.retire(removed);
  }

  async #write(chosen: Chosen, folder: string): Promise<Merged> {
    const { worker } = this.#deps;
    const places = this.#places;
    const merge = this.#nextMerge();
    await places.ready(folder);
    let start: MergeRequest["start"] = { storages: await places.locations(), task: this.#task(chosen, folder) };
    try {
      for (;;) {
        const { outcome, usage } = await worker.run({ kind: "merge", merge, start }, this.#request.signal);
        start = undefined;
        assert(outcome.kind === "merged", "the worker answers what it was asked");
        this.#memoryBytes = Math.max(this.#memoryBytes, usage.memoryBytes);
        this.#cpuUs += usage.cpuUs;
        if (outcome.merged !== undefined) return outcome.merged;
        this.#request.signal?.throwIfAborted();
      }
    } catch (error) {
      // A worker that is gone has left its files to the sweep at the next start. A step that was given up ends when the storage answers; nobody waits for that.
      const discarded = worker.run({ kind: "discard", merge }).catch(() => undefined);
      await (this.#request.signal?.aborted === true
        ? Promise.race([discarded, Bun.sleep(GIVE_UP_AFTER_MS)])
        : discarded);
      throw error;
    }
  }

  #task({ schema, merge }: Chosen, folder: string): MergeTask {
    const { clock, settings } = this.#deps;
    const nowMs = clock.nowMs();
    const [oldest] = merge.runs;
    const newest = merge.runs.at(-1);
    assert(oldest !== undefined && newest !== undefined, "a merge has runs");
    return {
      schema,
      scope: this.#request.scope,
      folder,
      runs: merge.runs.map(({ segments }) => segments.map(({ path, rows }) => ({ path, rows }))),
      minSeq: oldest.minSeq,
      maxSeq: newest.maxSeq,
      purgeBelow: purgeBelowOf(this.#deps, schema),
      olderKeys: merge.olderKeys,
      maxRows: settings.targetRows,
      maxBytes: settings.targetBytes,
      nowMs,
      tag: segmentTag(),
    };
  }
}

function chooseDue(runs: readonly SortedRun[], deps: PlanDeps, table?: TableSchema): Merge | undefined {
  const purgeBelow = purgeBelowOf(deps, table);
  const restsBelow = seqAtMs(deps.clock.nowMs() - MIN_REST_MS);
  return (
    chooseMerge(runs, deps.settings) ??
    chooseAged(runs, purgeBelow < restsBelow ? purgeBelow : restsBelow) ??
    chooseRewrite(runs, { purgeBelow, mode: "due" })
  );
}

type PlanDeps = Pick<CompactorDeps, "clock" | "settings">;

function purgeBelowOf({ clock, settings }: PlanDeps, table?: TableSchema): Seq {
  const hours = table?.options.deletedRetentionHours;
  return seqAtMs(clock.nowMs() - (hours === undefined ? settings.tombstoneRetentionMs : hours * HOUR_MS));
}

function rowsOf(segments: readonly Segment[]): number {
  return segments.reduce((total, { rows }) => total + rows, 0);
}
