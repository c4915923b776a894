// `manifest.json` beside the segments of a scope: for readers outside this program (DuckDB, Spark, a person). Derived from the catalog, never read back.
import { type Scope, SHARED_SCOPE } from "../../base/ids.ts";
import { keyColumn, qualifiedName, type TableSchema } from "../../model/schema.ts";
import type { Cell } from "../../model/sql-type.ts";
import { cellFromSqlite, cellToWire } from "../../model/types.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import type { Segment } from "../seams.ts";

export const MANIFEST_FILE = "manifest.json";

export interface ManifestInput {
  readonly objects: ObjectStore;
  readonly schema: TableSchema;
  readonly scope: Scope;
  /** Where it goes. */
  readonly folder: string;
  /** Committed segments of the scope in that folder. */
  readonly segments: readonly Segment[];
}

export function manifestText(input: Omit<ManifestInput, "objects" | "folder">): string {
  const { schema, scope, segments } = input;
  const key = keyColumn(schema);
  const keyText = (value: Segment["minKey"]): string => {
    const cell: Cell = cellFromSqlite(value, key.type);
    return String(cellToWire(cell, key.type));
  };
  const manifest = {
    table_id: qualifiedName(schema),
    user_id: scope === SHARED_SCOPE ? null : scope,
    version: schema.version,
    segments: segments.map((segment) => ({
      id: segment.id,
      path: segment.path.slice(segment.path.lastIndexOf("/") + 1),
      column_stats: { [key.id]: { min: keyText(segment.minKey), max: keyText(segment.maxKey), null_count: 0 } },
      min_seq: String(segment.minSeq),
      max_seq: String(segment.maxSeq),
      row_count: segment.rows,
      size_bytes: segment.bytes,
      created_at: segment.createdAtMs,
      schema_version: segment.schemaVersion,
      status: "committed",
    })),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** Replaces the file as a whole. Call it after a commit; when it fails, or is lost with the power, the next flush writes it again. */
export async function writeManifest(input: ManifestInput): Promise<void> {
  const key = `${input.folder}/${MANIFEST_FILE}`;
  await input.objects.put(key, new TextEncoder().encode(manifestText(input)), { isLasting: false });
}
