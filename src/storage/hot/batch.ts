// What the works of one open transaction have done so far, in memory: nothing of it is visible to anybody else until COMMIT, and all of it
// can be taken back to any mark.

import type { TableId } from "../../base/ids.ts";
import type { Change } from "../../model/change.ts";
import type { TableSchema } from "../../model/schema.ts";
import type { CatalogChange, CatalogState } from "../catalog/catalog-state.ts";
import type { TableScope } from "../seams.ts";
import type { StreamExpiry } from "../stream/stream-expiry.ts";
import type { StreamChange, StreamRows } from "../stream/stream-rows.ts";
import type { BufferCounts, CountChange } from "./buffer-counts.ts";

/** What is held in memory twice: as committed, and as the open transaction has it. */
export interface BatchState {
  readonly catalog: CatalogState;
  readonly streams: StreamRows;
}

export interface Mark {
  readonly streams: number;
  readonly changes: number;
  readonly counts: number;
  readonly catalog: number;
}

export class Batch {
  readonly changes: Change[] = [];
  readonly #counts: CountChange[] = [];
  readonly #catalog: CatalogChange[] = [];
  readonly #undo: CatalogChange[] = [];
  readonly #streams: StreamChange[] = [];
  readonly #streamUndo: StreamChange[] = [];
  readonly #working: BatchState;
  #trimmed = false;

  constructor(working: BatchState) {
    this.#working = working;
  }

  /** False: COMMIT would change nothing that anybody can see. */
  get wrote(): boolean {
    return this.changes.length + this.#counts.length + this.#catalog.length + this.#streams.length > 0;
  }

  /** Whether namespaces, tables or views changed. */
  get changedTables(): boolean {
    return this.#catalog.some(({ kind }) => kind === "namespace" || kind === "table" || kind === "view");
  }

  /** The newest version of each table that was altered. An index makes no version. */
  get altered(): readonly TableSchema[] {
    const newest = new Map<TableId, TableSchema | undefined>();
    const altered = new Set<TableId>();
    for (const [index, change] of this.#catalog.entries()) {
      if (change.kind !== "table") continue;
      const before = this.#undo[index];
      if (before?.kind !== "table" || before.record?.version !== change.record?.version) altered.add(change.id);
      newest.set(change.id, change.record);
    }
    return [...newest.values()].filter(
      (schema): schema is TableSchema => schema !== undefined && schema.version > 1 && altered.has(schema.id),
    );
  }

  /** Whether rows went that nobody could see any more. */
  get trimmed(): boolean {
    return this.#trimmed;
  }

  trim(): void {
    this.#trimmed = true;
  }

  get droppedTables(): readonly TableSchema[] {
    return this.#undo.flatMap((undo, index) => {
      const change = this.#catalog[index];
      const isDrop = undo.kind === "table" && change?.kind === "table" && change.record === undefined;
      return isDrop && undo.record !== undefined ? [undo.record] : [];
    });
  }

  get emptied(): readonly TableScope[] {
    return this.#counts.filter((change) => change.kind === "scopeEmptied");
  }

  /** `namespace.name` of every view that got another text, or none any more. */
  get redefinedViews(): readonly string[] {
    return this.#undo.flatMap((undo) => (undo.kind === "view" && undo.record !== undefined ? [undo.name] : []));
  }

  count(change: CountChange): void {
    this.#counts.push(change);
  }

  changeCatalog(change: CatalogChange): void {
    this.#undo.push(this.#working.catalog.apply(change));
    this.#catalog.push(change);
  }

  changeStream(change: StreamChange): void {
    this.#streamUndo.push(this.#working.streams.apply(change));
    this.#streams.push(change);
  }

  mark(): Mark {
    return {
      changes: this.changes.length,
      counts: this.#counts.length,
      catalog: this.#catalog.length,
      streams: this.#streams.length,
    };
  }

  rollBackTo(mark: Mark): void {
    this.changes.length = mark.changes;
    this.#counts.length = mark.counts;
    this.#catalog.length = mark.catalog;
    for (const undo of this.#undo.splice(mark.catalog).reverse()) this.#working.catalog.apply(undo);
    this.#streams.length = mark.streams;
    for (const undo of this.#streamUndo.splice(mark.streams).reverse()) this.#working.streams.apply(undo);
  }

  rollBack(): void {
    this.rollBackTo({ changes: 0, counts: 0, catalog: 0, streams: 0 });
  }

  /** After COMMIT: brings the views that everybody reads forward. */
  publish(
    committed: BatchState,
    { counts, expiry }: { readonly counts: BufferCounts; readonly expiry: StreamExpiry },
  ): void {
    for (const change of this.#catalog) committed.catalog.apply(change);
    for (const change of this.#counts) counts.apply(change);
    for (const change of this.#streams) {
      committed.streams.apply(change);
      expiry.note(change);
    }
  }
}
