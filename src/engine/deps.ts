// What statements are executed against. The composition root fills it in.
import type { DefiningRole } from "../auth/access.ts";
import type { Accounts } from "../auth/accounts.ts";
import type { ApiKeys } from "../auth/api-keys.ts";
import type { Clock } from "../base/clock.ts";
import type { ConnectionId, UserId } from "../base/ids.ts";
import type { Log } from "../base/log.ts";
import type { Audit } from "../model/audit.ts";
import type { TableSchema } from "../model/schema.ts";
import type { FileStore } from "../storage/files/file-store.ts";
import type { IndexBuilder } from "../storage/hot/index-builder.ts";
import type { StorageAccess } from "../storage/objects/storage-access.ts";
import type { CatalogView, PointReader, Segment, Writer } from "../storage/seams.ts";
import type { DefaultGenerator } from "./defaults.ts";
import type { Preparer } from "./prepare.ts";
import type { QueryRunner } from "./reads.ts";
import type { Turns } from "./turns.ts";
import type { ViewSource } from "./views/definition.ts";

/** Live subscriptions, as SQL reaches them. */
export interface LiveAdmin {
  /** False when there is no such connection. */
  killConnection(connection: ConnectionId): boolean;
  /** Undefined when there is no such live query. */
  ownerOf(liveId: string): UserId | undefined;
  killLiveQuery(liveId: string): boolean;
  subscriptionsOf(table: TableSchema["id"]): number;
  /** `namespace.name`. */
  subscriptionsOfView(view: string): number;
}

export interface JobAdmin {
  /** The id of the job that will flush the table, or the reason there is none. */
  flushTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }>;
  /** The id of today's job for the user. */
  exportUser(user: UserId): Promise<{ readonly jobId: string; readonly isDone: boolean }>;
  /** Takes the statement's text to the folder it means. */
  backUp(target: string, storage?: string): Promise<{ readonly jobId: string; readonly target: string }>;
  /** Where a backup of that name is or would be. Throws INVALID_INPUT for what may not be one. */
  backupTarget(text: string): string;
  /** The id of the job that will merge the table's files, or the reason there is none. */
  compactTable(table: TableSchema): Promise<{ readonly jobId: string } | { readonly skipped: string }>;
  /** `ending`: told to stop, and still at it after a second. */
  killJob(job: string): Promise<"cancelled" | "ending" | "finished" | "unknown">;
}

/** What the engine needs to reach storages, besides their definitions. */
export interface StorageHost {
  readonly access: StorageAccess;
  /** Resolves when the files of dropped tables have been removed, as far as they can be. */
  readonly settled: () => Promise<void>;
  /** Of this database's history. */
  readonly epoch: string;
}

export interface EngineDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly catalog: CatalogView;
  readonly writer: Writer;
  readonly indexes: IndexBuilder;
  readonly reader: Pick<PointReader, "get" | "all">;
  readonly queries: QueryRunner;
  readonly preparer: Preparer;
  readonly defaults: DefaultGenerator;
  readonly views: ViewSource;
  readonly accounts: Pick<Accounts, "createUser" | "alterUser" | "dropUser" | "restoreUser">;
  readonly apiKeys: Pick<ApiKeys, "create" | "drop" | "list">;
  readonly audit: Audit;
  readonly tableDefinitionRole: DefiningRole;
  readonly storages: StorageHost;
  readonly files: Pick<FileStore, "add" | "settle">;
  /** Removes Parquet files that the catalog names no more, when nobody can be reading them. */
  readonly retireFiles: (segments: readonly Segment[]) => void;
  /** Where this server is reached, as far as it knows. */
  readonly serverUrl: () => string;
  readonly live: LiveAdmin;
  readonly jobs: JobAdmin;
  /** Writes that keep losing to concurrent ones, by table and scope. */
  readonly contended: Turns;
  readonly limits: {
    /** Rows one INSERT, UPDATE or DELETE may write. */
    readonly maxRowsPerStatement: number;
    /** Bytes one statement may write, or all statements of a transaction together. */
    readonly maxWriteBytes: number;
    /** Rows of all results of a request together, as the characters of their JSON. */
    readonly maxResultBytes: number;
  };
}
