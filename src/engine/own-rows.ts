// What an open transaction has written, for statements of it that a query process has to run: its writes are rehearsed in the writer, noted down, and undone.
import type { Scope, Seq, TableId } from "../base/ids.ts";
import type { RowVersion } from "../model/change.ts";
import type { TableSchema } from "../model/schema.ts";
import type { RowTx, Slices, Writer } from "../storage/seams.ts";
import type { OwnRows } from "./reads.ts";
import { keyOf, keyText } from "./write.ts";

/** Ends a rehearsal, and with it what it wrote. */
class Rehearsed extends Error {
  override readonly name = "Rehearsed";
}

/** `writes` is run as it will be at the commit, and leaves nothing behind. What it throws is thrown. */
export async function ownRowsOf(
  writer: Pick<Writer, "submitInSlices">,
  writes: (tx: RowTx) => Slices<unknown>,
): Promise<OwnRows> {
  const notes = new Notes();
  const rehearsed = new Rehearsed();
  try {
    await writer.submitInSlices(function* (tx): Slices<never> {
      yield* writes(notes.noting(tx));
      throw rehearsed;
    });
  } catch (error) {
    if (error !== rehearsed) throw error;
  }
  return notes;
}

class Notes implements OwnRows {
  readonly #versions = new Map<TableId, Map<Scope, Map<string, RowVersion>>>();
  readonly #seqs = new Set<Seq>();

  noting(tx: RowTx): RowTx {
    const note = (table: TableSchema, scope: Scope, version: RowVersion): RowVersion => {
      const scopes = this.#versions.get(table.id) ?? new Map<Scope, Map<string, RowVersion>>();
      this.#versions.set(table.id, scopes);
      const rows = scopes.get(scope) ?? new Map<string, RowVersion>();
      scopes.set(scope, rows.set(keyText(keyOf(table, version.cells)), version));
      this.#seqs.add(version.seq);
      return version;
    };
    return {
      get: (table, scope, key) => tx.get(table, scope, key),
      all: (sql, values) => tx.all(sql, values),
      catalog: tx.catalog,
      put: (table, scope, cells, options) => note(table, scope, tx.put(table, scope, cells, options)),
      replace: (table, scope, found, version) => {
        const written = tx.replace(table, scope, found, version);
        return written && note(table, scope, written);
      },
    };
  }

  versions(table: { readonly id: TableId }, scope: Scope): readonly RowVersion[] {
    return [...(this.#versions.get(table.id)?.get(scope)?.values() ?? [])];
  }

  isProvisional(seq: Seq): boolean {
    return this.#seqs.has(seq);
  }
}
