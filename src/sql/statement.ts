// The statements of the dialect, parsed but not yet bound to tables. Data statements keep PostgreSQL's syntax tree; the rest are plain data.
import type { Node } from "libpg-query";
import type { Name, UserId } from "../base/ids.ts";
import type { AccessLevel, Role } from "../model/role.ts";
import type { ColumnDefault, FlushPolicy, TableKind } from "../model/schema.ts";
import type { SqlType } from "../model/sql-type.ts";
import type { StorageType } from "../model/storage.ts";
import type { UserStorage } from "../model/user.ts";

/** An unqualified name takes the request's namespace. */
export interface TableRef {
  readonly namespace: Name | undefined;
  readonly name: Name;
}

export interface ColumnDefinition {
  readonly name: Name;
  readonly type: SqlType;
  readonly nullable: boolean;
  readonly default: ColumnDefault | undefined;
}

/** Of `WITH (…)`. */
export interface CreateTableOptions {
  readonly storageId: string | undefined;
  readonly useUserStorage: boolean;
  readonly flushPolicy: FlushPolicy | undefined;
  readonly accessLevel: AccessLevel | undefined;
  /** STREAM tables, and only they, have one. */
  readonly ttlSeconds: number | undefined;
  readonly isPersisted: boolean;
  readonly deletedRetentionHours: number | undefined;
}

export interface CreateTable extends CreateTableOptions {
  readonly kind: "createTable";
  readonly ifNotExists: boolean;
  readonly table: TableRef;
  readonly tableKind: TableKind;
  readonly columns: readonly ColumnDefinition[];
  /** Name of the primary key column, one of `columns`. */
  readonly key: Name;
}

export interface IndexedColumn {
  readonly name: Name;
  readonly descending: boolean;
  /** Of the name, in the statement. */
  readonly position: number;
}

export type AlterAction =
  | { readonly kind: "addColumn"; readonly ifNotExists: boolean; readonly column: ColumnDefinition }
  | { readonly kind: "dropColumn"; readonly ifExists: boolean; readonly column: Name }
  | { readonly kind: "renameColumn"; readonly column: Name; readonly to: Name }
  | { readonly kind: "setNullable"; readonly column: Name; readonly nullable: boolean }
  /** The type that the value must fit is the table's to know. */
  | { readonly kind: "setDefault"; readonly column: Name; readonly value: Node; readonly source: string }
  | { readonly kind: "dropDefault"; readonly column: Name }
  /** `nullable` undefined: as it was. */
  | { readonly kind: "setType"; readonly column: Name; readonly type: SqlType; readonly nullable: boolean | undefined }
  | { readonly kind: "setAccessLevel"; readonly level: AccessLevel }
  /** Undefined: the server's setting again. */
  | { readonly kind: "setDeletedRetention"; readonly hours: number | undefined };

export interface AlterTable {
  readonly kind: "alterTable";
  readonly ifExists: boolean;
  readonly table: TableRef;
  /** Applied in this order, all or none. */
  readonly actions: readonly AlterAction[];
}

export interface CreateView {
  readonly kind: "createView";
  readonly orReplace: boolean;
  readonly ifNotExists: boolean;
  readonly view: TableRef;
  /** Names for the first of its columns. */
  readonly columns: readonly Name[];
  readonly select: DataStatement;
  readonly selectText: string;
}

export type DataStatement =
  | { readonly kind: "select"; readonly node: Node }
  | { readonly kind: "insert"; readonly node: Node }
  | { readonly kind: "update"; readonly node: Node }
  | { readonly kind: "delete"; readonly node: Node };

/** Columns of system.users that statements write. */
export type UserField = "user_id" | "password" | "role" | "email" | "locked_until" | "deleted_at";

export type UserValue =
  | { readonly kind: "text"; readonly text: string | null }
  /** From 0. */
  | { readonly kind: "parameter"; readonly index: number };

export interface UserAssignment {
  readonly name: UserField;
  readonly value: UserValue;
}

export type Statement =
  | DataStatement
  | {
      readonly kind: "explain";
      readonly live: boolean;
      /** Runs the statement and says what that took. */
      readonly analyze: boolean;
      readonly inner: DataStatement;
      readonly innerText: string;
    }
  | CreateTable
  | AlterTable
  | CreateView
  | {
      readonly kind: "createIndex";
      readonly ifNotExists: boolean;
      /** Undefined: one is made of the names of table and columns. */
      readonly name: Name | undefined;
      readonly table: TableRef;
      readonly columns: readonly IndexedColumn[];
    }
  | {
      readonly kind: "dropIndex";
      readonly ifExists: boolean;
      readonly namespace: Name | undefined;
      readonly name: Name;
      /** As some databases spell it; undefined: the namespace says enough. */
      readonly on: TableRef | undefined;
    }
  | { readonly kind: "showIndexes"; readonly relation: TableRef }
  | { readonly kind: "dropView"; readonly ifExists: boolean; readonly view: TableRef }
  | { readonly kind: "truncate"; readonly tables: readonly TableRef[] }
  | { readonly kind: "clearCache" }
  | { readonly kind: "showCreate"; readonly relation: TableRef }
  | { readonly kind: "showViews"; readonly namespace: Name | undefined }
  | { readonly kind: "dropTable"; readonly ifExists: boolean; readonly table: TableRef }
  | { readonly kind: "createNamespace"; readonly ifNotExists: boolean; readonly name: Name }
  | {
      readonly kind: "alterNamespace";
      readonly name: Name;
      readonly options: Readonly<Record<string, string | number | boolean>>;
    }
  | { readonly kind: "dropNamespace"; readonly ifExists: boolean; readonly name: Name }
  | { readonly kind: "useNamespace"; readonly name: Name }
  | { readonly kind: "showNamespaces" }
  | { readonly kind: "showTables"; readonly namespace: Name | undefined }
  | { readonly kind: "describeTable"; readonly table: TableRef; readonly history: boolean }
  | { readonly kind: "showStorages" }
  | {
      readonly kind: "createStorage";
      readonly ifNotExists: boolean;
      readonly id: string;
      readonly type: StorageType;
      readonly properties: StorageProperties;
    }
  | { readonly kind: "alterStorage"; readonly id: string; readonly properties: StorageProperties }
  | { readonly kind: "dropStorage"; readonly ifExists: boolean; readonly id: string }
  | { readonly kind: "checkStorage"; readonly id: string; readonly extended: boolean }
  | { readonly kind: "tableStats"; readonly table: TableRef }
  | { readonly kind: "begin" }
  | { readonly kind: "commit" }
  | { readonly kind: "rollback" }
  | { readonly kind: "flushTable"; readonly table: TableRef }
  | { readonly kind: "flushAll"; readonly namespace: Name | undefined }
  | { readonly kind: "exportUserData" }
  | { readonly kind: "showExport" }
  | { readonly kind: "backupDatabase"; readonly target: string; readonly storage: string | undefined }
  | { readonly kind: "restoreDatabase"; readonly source: string }
  | { readonly kind: "compactTable"; readonly table: TableRef }
  | { readonly kind: "compactAll"; readonly namespace: Name | undefined }
  | { readonly kind: "killConnection"; readonly connection: string }
  | { readonly kind: "killLiveQuery"; readonly liveId: string }
  | { readonly kind: "killJob"; readonly job: string }
  | { readonly kind: "subscribe"; readonly selectText: string; readonly options: SubscribeOptions }
  | {
      readonly kind: "createUser";
      readonly ifNotExists: boolean;
      readonly user: UserId;
      readonly signIn:
        | { readonly kind: "password"; readonly password: string }
        | { readonly kind: "oauth"; readonly issuer: string; readonly subject: string }
        | { readonly kind: "internal" };
      readonly role: Role;
      readonly email: string | undefined;
    }
  | {
      readonly kind: "alterUser";
      readonly user: UserId;
      readonly change:
        | { readonly kind: "password"; readonly password: string }
        | { readonly kind: "role"; readonly role: Role }
        | { readonly kind: "email"; readonly email: string }
        | { readonly kind: "storage"; readonly storage: UserStorage };
    }
  | { readonly kind: "insertUser"; readonly fields: readonly UserAssignment[] }
  | { readonly kind: "updateUser"; readonly user: UserValue; readonly fields: readonly UserAssignment[] }
  | { readonly kind: "deleteUser"; readonly user: UserValue }
  | {
      readonly kind: "createApiKey";
      readonly name: string;
      /** Undefined: whoever asks. */
      readonly user: UserId | undefined;
      readonly role: Role | undefined;
      readonly expires:
        | { readonly kind: "in"; readonly ms: number }
        | { readonly kind: "at"; readonly us: bigint }
        | undefined;
    }
  | {
      readonly kind: "dropApiKey";
      readonly ifExists: boolean;
      readonly name: string;
      readonly user: UserId | undefined;
    }
  | { readonly kind: "showApiKeys"; readonly user: UserId | undefined }
  | { readonly kind: "dropUser"; readonly ifExists: boolean; readonly user: UserId }
  | { readonly kind: "executeAs"; readonly user: UserId; readonly innerText: string };

/** As they are written, unchecked; absent: not given. */
export interface StorageProperties {
  readonly name?: string;
  readonly description?: string;
  readonly path?: string;
  readonly bucket?: string;
  readonly region?: string;
  readonly sharedTablesTemplate?: string;
  readonly userTablesTemplate?: string;
  /** Secret. */
  readonly credentials?: string;
  readonly config?: string;
}

export interface SubscribeOptions {
  readonly lastRows: number | undefined;
  readonly batchSize: number | undefined;
  /** Decimal text of a `_seq`. */
  readonly from: bigint | undefined;
}

export interface ParsedStatement {
  readonly statement: Statement;
  /** The statement's own text, trimmed, without its semicolon. */
  readonly text: string;
  /** Where `text` starts in the request's SQL (UTF-16 units). */
  readonly offset: number;
}
