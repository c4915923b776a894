// The steps of a schedule: plain data, each meaningful on its own, so that a schedule can be kept as JSON and shrunk by leaving steps out.
import type { Filter } from "./filter.ts";
import type { ColumnName, ModelRow, ModelValue } from "./row.ts";
import type { Trouble } from "./trouble.ts";

export const USERS = ["ann", "ben", "cat"] as const;
/**
 * `items` is SHARED, `own` a USER table; `wide` is SHARED and carries the large rows that fill a slow reader's socket; `brief` is SHARED, dropped and
 * created again; `kept` is a PERSISTED STREAM table, whose rows stay longer than any schedule takes.
 */
export const TABLES = ["items", "own", "wide", "brief", "kept"] as const;
export type TableName = (typeof TABLES)[number];
/** Those that have files. */
export const FLUSHED_TABLES = ["items", "own", "wide", "brief"] as const satisfies readonly TableName[];
export type FlushedTable = (typeof FLUSHED_TABLES)[number];
/** Those that a view shows a part of, under their name and `_seen`. */
export const VIEWED_TABLES = ["items", "own"] as const satisfies readonly TableName[];
export type ViewedTable = (typeof VIEWED_TABLES)[number];

export const ALTERED_TABLES = ["items", "own"] as const;
export type AlteredTable = (typeof ALTERED_TABLES)[number];
/** What the column that comes and goes in them is called. */
export type MovingColumn = "extra" | "more";

export const FAMILIES = [
  "native-json",
  "native-msgpack",
  "peer-json",
  "peer-msgpack",
  "paging-json",
  "paging-msgpack",
] as const;
export type Family = (typeof FAMILIES)[number];

export interface Seat {
  readonly user: number;
  readonly family: Family;
  /** Its socket goes through a proxy that can stop reading. */
  readonly isSlow: boolean;
  /** It shows an API key where others show a token. */
  readonly hasKey: boolean;
}

/** What ends a user's access: every token's (`drop`: everything's), or the API key's. */
export const REVOCATIONS = ["logout", "password", "role", "key", "drop"] as const;
export type Revocation = (typeof REVOCATIONS)[number];

/** The user, and the families of those of their clients, who come with an API key. */
export const KEY_USER = 1;
const KEY_FAMILIES: readonly Family[] = ["native-msgpack", "peer-json", "paging-json"];

/** Every user has a client of each family; two more clients are slow readers. Each client holds `SLOTS_PER_SEAT` live queries. */
export const SEATS: readonly Seat[] = [
  ...USERS.flatMap((_, user) =>
    FAMILIES.map((family) => {
      const hasKey = user === KEY_USER && KEY_FAMILIES.includes(family);
      return { user, family, isSlow: false, hasKey };
    }),
  ),
  { user: 0, family: "native-json", isSlow: true, hasKey: false },
  { user: 1, family: "peer-msgpack", isSlow: true, hasKey: false },
];
export const SLOTS_PER_SEAT = 2;
export const FIRST_SLOW_SEAT = SEATS.length - 2;

/** What other rows are made of. */
export type SourceTable = "items" | "own";

export type Where = { readonly key: number } | { readonly filter: Filter };

export type WriteOp =
  | { readonly kind: "put"; readonly rows: readonly ModelRow[] }
  | { readonly kind: "insert"; readonly rows: readonly ModelRow[]; readonly orNothing: boolean }
  | {
      readonly kind: "set";
      readonly column: Exclude<ColumnName, "id">;
      readonly value: ModelValue;
      readonly where: Where;
    }
  /** `n = (n + amount) % 10` */
  | { readonly kind: "add"; readonly amount: number; readonly where: Where }
  | { readonly kind: "delete"; readonly where: Where }
  /** Of the columns named, `id` and `room` among them; the others of a row that is there stay. */
  | { readonly kind: "upsert"; readonly rows: readonly ModelRow[]; readonly columns: readonly ColumnName[] }
  /** Rows of another table, or of the same, under the keys they have there. */
  | { readonly kind: "copy"; readonly from: SourceTable; readonly filter: Filter; readonly orNothing: boolean }
  /** Gives rows the `n` and the `note` that the row of the same key has elsewhere. */
  | { readonly kind: "join"; readonly from: SourceTable; readonly filter: Filter }
  /** An upload, as a statement of its own. */
  | { readonly kind: "attach"; readonly key: number; readonly text: string }
  /** Only as the first of its statements and while nobody else writes to the table, so that it is known what was there. */
  | { readonly kind: "truncate" }
  | { readonly kind: "fail"; readonly how: "null" | "type" | "table" | "zero" };

export type Start =
  | { readonly kind: "all" }
  | { readonly kind: "batches"; readonly size: number }
  | { readonly kind: "last"; readonly rows: number }
  | { readonly kind: "none" }
  /** Goes on after the newest commit known when it is sent. */
  | { readonly kind: "from" };

export interface Watch {
  /** `feed` is a STREAM table. */
  readonly table: TableName | "feed";
  readonly filter: Filter | undefined;
  /** Undefined: `*`. */
  readonly columns: readonly ColumnName[] | undefined;
  readonly start: Start;
  /** Only rows whose `n` is one of the rows of `items` in this room: another table decides. Left out where the protocol has no place for it. */
  readonly inRoom?: string;
  /** Values travel apart from the text. */
  readonly hasParams?: boolean;
  /** Of an altered table: where it names the column that comes and goes, by what it is called then. */
  readonly naming?: "filter" | "list";
  /** Of a table that has one: through its view. */
  readonly isOfView?: boolean;
  /** While the socket is slow, changes are squashed by key. */
  readonly isLatest?: boolean;
}

export type Step =
  | {
      readonly kind: "write";
      readonly user: number;
      readonly table: TableName;
      readonly form: "batch" | "commit" | "rollback";
      readonly ops: readonly WriteOp[];
      /** Of `own`, one statement: whose rows they are, when that is somebody else. */
      readonly as?: number;
    }
  /** Every row of the table goes, and in the same transaction others come. */
  | { readonly kind: "truncate"; readonly user: number; readonly table: TableName; readonly rows: readonly ModelRow[] }
  /** On `feed`. */
  | { readonly kind: "stream"; readonly user: number; readonly rows: readonly ModelRow[] }
  | { readonly kind: "stream"; readonly user: number; readonly deletes: number }
  /** Drops `brief`, unless live queries forbid it, and creates it again. `cuts`: its clients are cut off first, and come back. */
  | { readonly kind: "recreate"; readonly cuts?: boolean }
  /** What becomes of its column `extra` next; three times, and it is called the same again. */
  | { readonly kind: "alter"; readonly table: AlteredTable; readonly times?: number }
  /** Its view gets another filter; or goes, unless live queries forbid it, and comes back with one. `cuts`: its clients are cut off first. */
  | {
      readonly kind: "view";
      readonly table: ViewedTable;
      readonly filter: Filter;
      readonly how: "replace" | "drop";
      readonly cuts?: boolean;
    }
  | { readonly kind: "revoke"; readonly user: number; readonly how: Revocation }
  /** Rows of `bytes` each, one statement a row. */
  | { readonly kind: "flood"; readonly user: number; readonly rows: number; readonly bytes: number }
  | { readonly kind: "watch"; readonly seat: number; readonly slot: number; readonly watch: Watch }
  | { readonly kind: "unwatch"; readonly seat: number; readonly slot: number }
  | { readonly kind: "cut"; readonly seat: number }
  | { readonly kind: "stall" | "unstall"; readonly seat: number }
  | { readonly kind: "killQuery"; readonly seat: number; readonly slot: number }
  | { readonly kind: "killConnection"; readonly seat: number }
  | { readonly kind: "flush" | "compact"; readonly table: FlushedTable }
  /** The job is killed wherever it is. */
  | { readonly kind: "killJob"; readonly job: "flush" | "compact"; readonly table: FlushedTable }
  /** Files cannot be written from here on, until all is quiet. */
  | { readonly kind: "trouble"; readonly with: Exclude<Trouble, "full"> }
  /** Writes on a disk that is full, and has space again afterwards. */
  | { readonly kind: "full"; readonly user: number; readonly table: TableName; readonly ops: readonly WriteOp[] }
  | { readonly kind: "restart" }
  | { readonly kind: "crash" }
  /** Lets answers come in while the schedule goes on. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Waits for every write's answer, then judges what was received. */
  | { readonly kind: "check" }
  /** Waits until all is quiet, then compares everything. */
  | { readonly kind: "settle" };
