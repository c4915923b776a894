// Who may do what, as pure decisions over roles. Each either returns or throws PERMISSION_DENIED; none looks anything up.
import { DbError } from "../base/errors.ts";
import type { UserId } from "../base/ids.ts";
import { type AccessLevel, atLeast, isAdmin, type Role } from "../model/role.ts";
import { qualifiedName, type TableKind } from "../model/schema.ts";

/** Statement kinds of the dialect; the engine holds this against the parser's union. */
export type StatementKind =
  | "select"
  | "insert"
  | "update"
  | "delete"
  | "explain"
  | "createTable"
  | "alterTable"
  | "dropTable"
  | "truncate"
  | "clearCache"
  | "showCreate"
  | "createIndex"
  | "dropIndex"
  | "showIndexes"
  | "createView"
  | "dropView"
  | "showViews"
  | "createNamespace"
  | "alterNamespace"
  | "dropNamespace"
  | "useNamespace"
  | "showNamespaces"
  | "showTables"
  | "describeTable"
  | "showStorages"
  | "createStorage"
  | "alterStorage"
  | "dropStorage"
  | "checkStorage"
  | "tableStats"
  | "begin"
  | "commit"
  | "rollback"
  | "flushTable"
  | "flushAll"
  | "exportUserData"
  | "showExport"
  | "backupDatabase"
  | "restoreDatabase"
  | "compactTable"
  | "compactAll"
  | "killConnection"
  | "killLiveQuery"
  | "killJob"
  | "subscribe"
  | "createUser"
  | "alterUser"
  | "dropUser"
  | "insertUser"
  | "updateUser"
  | "deleteUser"
  | "createApiKey"
  | "dropApiKey"
  | "showApiKeys"
  | "executeAs";

interface Rule {
  readonly role: Role;
  /** Ends "… required for". */
  readonly what: string;
}

const RULES: Record<StatementKind, Rule> = {
  // What an anonymous caller may read is decided table by table.
  select: { role: "anonymous", what: "queries" },
  insert: { role: "user", what: "writes" },
  update: { role: "user", what: "writes" },
  delete: { role: "user", what: "writes" },
  explain: { role: "dba", what: "EXPLAIN" },
  // Of which kind is `assertMayCreateTable`'s to decide.
  createTable: { role: "user", what: "creating tables" },
  // Of which kind is `assertMayAlterTable`'s to decide.
  alterTable: { role: "user", what: "altering tables" },
  dropTable: { role: "dba", what: "dropping tables" },
  // Of which tables is decided table by table.
  truncate: { role: "user", what: "writes" },
  clearCache: { role: "dba", what: "CLEAR CACHE" },
  showCreate: { role: "anonymous", what: "SHOW CREATE" },
  // Building one holds up everybody's writes.
  createIndex: { role: "dba", what: "creating indexes" },
  dropIndex: { role: "dba", what: "dropping indexes" },
  showIndexes: { role: "anonymous", what: "SHOW INDEXES" },
  createView: { role: "dba", what: "creating views" },
  dropView: { role: "dba", what: "dropping views" },
  showViews: { role: "anonymous", what: "SHOW VIEWS" },
  createNamespace: { role: "dba", what: "namespace operations" },
  alterNamespace: { role: "dba", what: "namespace operations" },
  dropNamespace: { role: "dba", what: "namespace operations" },
  useNamespace: { role: "user", what: "switching namespaces" },
  showNamespaces: { role: "anonymous", what: "SHOW NAMESPACES" },
  showTables: { role: "anonymous", what: "SHOW TABLES" },
  describeTable: { role: "anonymous", what: "DESCRIBE TABLE" },
  showStorages: { role: "user", what: "SHOW STORAGES" },
  createStorage: { role: "dba", what: "storage administration" },
  alterStorage: { role: "dba", what: "storage administration" },
  dropStorage: { role: "dba", what: "storage administration" },
  checkStorage: { role: "dba", what: "storage administration" },
  // It counts rows that the caller may read.
  tableStats: { role: "anonymous", what: "SHOW TABLE STATS" },
  begin: { role: "user", what: "transactions" },
  commit: { role: "user", what: "transactions" },
  rollback: { role: "user", what: "transactions" },
  flushTable: { role: "service", what: "storage maintenance" },
  flushAll: { role: "service", what: "storage maintenance" },
  exportUserData: { role: "user", what: "exports" },
  showExport: { role: "user", what: "exports" },
  backupDatabase: { role: "dba", what: "backups" },
  restoreDatabase: { role: "dba", what: "backups" },
  compactTable: { role: "service", what: "storage maintenance" },
  compactAll: { role: "service", what: "storage maintenance" },
  killConnection: { role: "dba", what: "KILL" },
  // Users may end their own; whose it is, is the engine's to look up.
  killLiveQuery: { role: "user", what: "KILL LIVE QUERY" },
  killJob: { role: "dba", what: "KILL" },
  subscribe: { role: "user", what: "live queries" },
  createUser: { role: "dba", what: "user management" },
  alterUser: { role: "dba", what: "user management" },
  dropUser: { role: "dba", what: "user management" },
  insertUser: { role: "dba", what: "user management" },
  updateUser: { role: "dba", what: "user management" },
  deleteUser: { role: "dba", what: "user management" },
  // Whose, is decided key by key.
  createApiKey: { role: "service", what: "API keys" },
  dropApiKey: { role: "service", what: "API keys" },
  showApiKeys: { role: "service", what: "API keys" },
  // Whom is `assertMayActAs`'s to decide.
  executeAs: { role: "user", what: "EXECUTE AS USER" },
};

const REQUIREMENTS: Record<Role, string> = {
  anonymous: "Nothing",
  user: "Authentication",
  service: "Service privileges (Service, DBA or System role)",
  dba: "Admin privileges (DBA or System role)",
  system: "System role",
};

export function assertMayRun(role: Role, kind: StatementKind): void {
  const rule = RULES[kind];
  if (!atLeast(role, rule.role)) throw denied(`${REQUIREMENTS[rule.role]} required for ${rule.what}`);
}

function denied(message: string): DbError {
  return new DbError("PERMISSION_DENIED", message);
}

/** The part of a table's schema that access depends on. */
export interface GuardedTable {
  readonly namespace: string;
  readonly name: string;
  readonly kind: TableKind;
  readonly options: { readonly accessLevel: AccessLevel };
}

const SHARED_READERS: Record<AccessLevel, Role> = {
  public: "anonymous",
  private: "service",
  restricted: "service",
  dba: "dba",
};

/** Reading a public table does not include writing it. */
const SHARED_WRITERS: Record<AccessLevel, Role> = {
  public: "service",
  private: "service",
  restricted: "service",
  dba: "dba",
};

/** USER and STREAM tables: every authenticated role, but only ever its own rows; the scope is bound elsewhere. */
export function assertMayRead(role: Role, table: GuardedTable): void {
  assertMayUse(role, table, "read");
}

export function assertMayWrite(role: Role, table: GuardedTable): void {
  assertMayUse(role, table, "write");
}

function assertMayUse(role: Role, table: GuardedTable, action: "read" | "write"): void {
  const level = table.options.accessLevel;
  const shared = action === "read" ? SHARED_READERS : SHARED_WRITERS;
  if (atLeast(role, table.kind === "shared" ? shared[level] : "user")) return;
  if (table.kind === "shared") {
    throw tableDenied(role, table, `Shared table ${action} denied (access_level=${titleCase(level)})`);
  }
  throw tableDenied(role, table, `${titleCase(table.kind)} table ${action} denied due to insufficient privileges.`);
}

export function assertMayReadSystem(role: Role, table: { readonly namespace: string; readonly name: string }): void {
  if (!isAdmin(role)) throw tableDenied(role, table, "System tables require 'dba' or 'system' role.");
}

function tableDenied(role: Role, table: { readonly namespace: string; readonly name: string }, why: string): DbError {
  return denied(`Access denied to table '${qualifiedName(table)}' for role '${role}': ${why}`);
}

function titleCase(word: string): string {
  return word === "dba" ? "DBA" : `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

/** The lowest role that may define USER and STREAM tables. */
export type DefiningRole = "user" | "service" | "dba";

export function assertMayCreateTable(role: Role, kind: TableKind, least: DefiningRole): void {
  assertMayRun(role, "createTable");
  assertMayDefine(role, { kind, least, what: "creating" });
}

/** Whoever may not write a SHARED table may not open it to themselves either. */
export function assertMayAlterTable(role: Role, table: GuardedTable, least: DefiningRole): void {
  assertMayRun(role, "alterTable");
  assertMayDefine(role, { kind: table.kind, least, what: "altering" });
  assertMayWrite(role, table);
}

interface Defining {
  readonly kind: TableKind;
  readonly least: DefiningRole;
  readonly what: string;
}

function assertMayDefine(role: Role, { kind, least, what }: Defining): void {
  const wanted = kind === "shared" && least === "user" ? "service" : least;
  if (!atLeast(role, wanted)) throw denied(`${REQUIREMENTS[wanted]} required for ${what} ${kind.toUpperCase()} tables`);
}

export interface Actor {
  readonly user: UserId;
  readonly role: Role;
}

/** Roles an actor may stand in for, besides itself. */
const IMPERSONATES: Record<Role, readonly Role[]> = {
  anonymous: [],
  user: [],
  service: ["service", "user"],
  dba: ["dba", "service", "user"],
  system: ["system", "dba", "service", "user"],
};

export function assertMayActAs(actor: Actor, target: Actor): void {
  const targets = IMPERSONATES[actor.role];
  if (actor.user === target.user || targets.includes(target.role)) return;
  // To whom everybody is refused, a refusal says nothing about anybody.
  const targetRole = targets.length === 0 ? "" : ` with role ${titleCase(target.role)}`;
  throw denied(
    `EXECUTE AS USER is not authorized: actor '${actor.user}' with role ${titleCase(actor.role)} ` +
      `cannot target '${target.user}'${targetRole}`,
  );
}

/** Creating, changing or dropping a user of a role, and granting that role. */
export function assertMayManage(actor: Role, target: Role): void {
  assertMayRun(actor, "alterUser");
  if (target === "system" && actor !== "system")
    throw denied(`${REQUIREMENTS.system} required for managing system users`);
}
