import type { DocCell } from "./doc.ts";
import type { MovingCell } from "./moving-column.ts";

export interface SeenRow {
  readonly id: number;
  readonly text: string;
  /** Undefined where the rows of a query do not hold it. */
  readonly seq: bigint | undefined;
  /** Of rows with all their columns. */
  readonly moving?: MovingCell;
  readonly doc?: DocCell;
}

/** What a client told its application, in the same form for all families. `cursor`: everything up to there has been told. */
export type Seen =
  | { readonly kind: "rows"; readonly rows: readonly SeenRow[]; readonly cursor: bigint | undefined }
  | {
      readonly kind: "put";
      readonly op: "insert" | "update";
      readonly row: SeenRow;
      readonly oldSeq: bigint | undefined;
      readonly cursor: bigint | undefined;
    }
  | {
      readonly kind: "gone";
      readonly id: number;
      readonly old: SeenRow | undefined;
      readonly cursor: bigint | undefined;
    }
  | { readonly kind: "ready"; readonly cursor: bigint | undefined }
  | { readonly kind: "reset"; readonly cursor: undefined };
