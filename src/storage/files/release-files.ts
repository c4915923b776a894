import type { Scope, TableId } from "../../base/ids.ts";
import type { Slices, WriteTx } from "../seams.ts";

/** Let go of in a few milliseconds. */
const FILES_PER_STEP = 500;

export interface ReleasedScope {
  readonly table: TableId;
  readonly scope: Scope;
  /** From when on nobody holds them. */
  readonly nowMs: number;
}

/** Lets go of the uploaded files of a scope whose rows go in the same work, some in each slice. */
export function* releaseFiles(tx: Pick<WriteTx, "withFiles">, released: ReleasedScope): Slices<void> {
  for (let after: bigint | undefined = 0n; after !== undefined; ) {
    after = releaseSome(tx, released, after);
    if (after !== undefined) yield;
  }
}

function releaseSome(tx: Pick<WriteTx, "withFiles">, released: ReleasedScope, after: bigint): bigint | undefined {
  return tx.withFiles((files) => files.releaseSome({ ...released, after, limit: FILES_PER_STEP }));
}
