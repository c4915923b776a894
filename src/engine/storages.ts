// CREATE, ALTER, DROP, CHECK and SHOW STORAGE. A storage is tried before it is written down, and goes only when nothing lies in it and nothing is meant to.
import { statfs } from "node:fs/promises";
import { assertNever, DbError } from "../base/errors.ts";
import { isAdmin } from "../model/role.ts";
import { qualifiedName } from "../model/schema.ts";
import { BIGINT, BOOLEAN, type Cell, type SqliteValue, TEXT, TIMESTAMP } from "../model/sql-type.ts";
import { isSamePlace, LOCAL_STORAGE, type Storage } from "../model/storage.ts";
import type { StatementResult } from "../protocol/http.ts";
import type { Statement } from "../sql/statement.ts";
import { filesOfStorage } from "../storage/files/files-of-storage.ts";
import { checkStorage, type StorageHealth, statusOf, usedBytes } from "../storage/objects/check-storage.ts";
import type { ObjectStore } from "../storage/objects/object-store.ts";
import { openObjectStore } from "../storage/objects/open-object-store.ts";
import { claim, othersPlace, ownerOf } from "../storage/objects/ownership.ts";
import { RoutedStore, storageOfPath } from "../storage/objects/routed-store.ts";
import { localFolder, locationOf, type StorageAccess } from "../storage/objects/storage-access.ts";
import type { CatalogView, WriteTx } from "../storage/seams.ts";
import type { EngineDeps } from "./deps.ts";
import { messageResult, rowsResult } from "./outcome.ts";
import type { Session } from "./session.ts";
import { assertApart, changedStorage, newStorage } from "./storage-definition.ts";
import { assertMayMove, assertNothingCame, type MovedFiles } from "./storage-move.ts";
import { columns } from "./views/definition.ts";
import { SYSTEM_VIEWS } from "./views/registry.ts";

type StorageDeps = Pick<EngineDeps, "catalog" | "writer" | "reader" | "clock" | "storages" | "views">;

const KINDS = ["createStorage", "alterStorage", "dropStorage", "checkStorage", "showStorages"] as const;

export type StorageStatement = Extract<Statement, { readonly kind: (typeof KINDS)[number] }>;

export function isStorageStatement(statement: Statement): statement is StorageStatement {
  return KINDS.some((kind) => kind === statement.kind);
}

export async function runStorageStatement(
  statement: StorageStatement,
  session: Session,
  deps: StorageDeps,
): Promise<StatementResult> {
  switch (statement.kind) {
    case "createStorage":
      return messageResult(session, await createStorage(statement, deps));
    case "alterStorage":
      return messageResult(session, await alterStorage(statement, deps));
    case "dropStorage":
      return messageResult(session, await dropStorage(statement, deps));
    case "checkStorage":
      return checkRow(statement, session, deps);
    case "showStorages":
      return showStorages(session, deps);
    default:
      return assertNever(statement, "storage statement");
  }
}

type CreateStorage = Extract<Statement, { readonly kind: "createStorage" }>;

async function createStorage(statement: CreateStorage, deps: StorageDeps): Promise<string> {
  const { id, ifNotExists } = statement;
  const exists = (catalog: CatalogView): boolean => catalog.storage(id) !== undefined;
  const already = `Storage '${id}' already exists`;
  if (exists(deps.catalog)) return refuseUnless(ifNotExists, already);
  const { access, epoch } = deps.storages;
  const storage = await newStorage({ ...statement, nowMs: deps.clock.nowMs() }, access);
  assertApart(storage, deps.catalog.storages(), access);
  await assertWorks(storage, deps);
  await claim(routedTo(storage, access), id, epoch);
  const { value: created } = await deps.writer.submit((tx) => {
    if (exists(tx.catalog)) return false;
    assertApart(storage, tx.catalog.storages(), access);
    tx.putStorage(storage);
    return true;
  });
  return created ? `Storage '${id}' created successfully` : refuseUnless(ifNotExists, already);
}

function refuseUnless(accepted: boolean, message: string): string {
  if (accepted) return message;
  throw new DbError("ALREADY_EXISTS", message);
}

type AlterStorage = Extract<Statement, { readonly kind: "alterStorage" }>;

async function alterStorage({ id, properties }: AlterStorage, deps: StorageDeps): Promise<string> {
  const before = requireStorage(id, deps.catalog);
  if (id === LOCAL_STORAGE && (properties.path ?? properties.bucket) !== undefined) {
    throw new DbError("INVALID_INPUT", "Storage 'local' is in the data folder and cannot be moved by itself");
  }
  const { access } = deps.storages;
  const after = await changedStorage(before, { properties, nowMs: deps.clock.nowMs() }, access);
  const isMoved = !isSamePlace(before, after);
  const found = isMoved ? await movable(after, deps) : undefined;
  if (isMoved || JSON.stringify(before.s3) !== JSON.stringify(after.s3) || properties.credentials !== undefined) {
    await assertWorks(after, deps);
    if (isMoved) await claim(routedTo(after, access), id, deps.storages.epoch);
  }
  await deps.writer.submit((tx) => {
    if (tx.catalog.storage(id)?.updatedAtMs !== before.updatedAtMs) {
      throw new DbError("WRITE_CONFLICT", `Storage '${id}' was altered at the same time; try again`);
    }
    if (found !== undefined) {
      assertApart(after, tx.catalog.storages(), access);
      assertNothingCame(after, found, tx);
    }
    tx.putStorage(after);
  });
  return `Storage '${id}' altered successfully`;
}

/** Rows that lie in a storage stay readable. */
function movable(after: Storage, { catalog, reader, storages }: StorageDeps): Promise<MovedFiles> {
  const { access, epoch } = storages;
  assertApart(after, catalog.storages(), access);
  const stored = { catalog, all: (sql: string, values: readonly SqliteValue[]) => reader.all(sql, values) };
  return assertMayMove(after, stored, { objects: routedTo(after, access), epoch });
}

const MAX_NAMED = 10;

function named(names: readonly string[]): string {
  const more = names.length - MAX_NAMED;
  return names.slice(0, MAX_NAMED).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

async function dropStorage(
  { id, ifExists }: { readonly id: string; readonly ifExists: boolean },
  deps: StorageDeps,
): Promise<string> {
  if (id === LOCAL_STORAGE)
    throw new DbError("DEPENDENT_OBJECTS", "Cannot drop storage 'local': every database has it");
  // After the drop nobody can reach what is left in it.
  await deps.storages.settled();
  const { value: dropped } = await deps.writer.submit((tx) => {
    if (tx.catalog.storage(id) === undefined) {
      if (ifExists) return false;
      throw notFound(id);
    }
    assertUnused(id, tx.catalog);
    assertNoUploads(id, tx);
    tx.deleteStorage(id);
    return true;
  });
  return `Storage '${id}' ${dropped ? "dropped successfully" : "does not exist (skipped)"}`;
}

function assertUnused(id: string, catalog: CatalogView): void {
  const cannot = `Cannot drop storage '${id}'`;
  const holding = new Set(
    catalog.allSegments().flatMap(({ tableId, path }) => (storageOfPath(path) === id ? [tableId] : [])),
  );
  const tables = catalog.tables().filter((table) => table.options.storageId === id || holding.has(table.id));
  const users = catalog.users().filter(({ storageId }) => storageId === id);
  const held = [
    ["table", tables.map(qualifiedName)],
    ["user", users.map((user) => user.id)],
  ] as const;
  const using = held.filter(([, names]) => names.length > 0);
  if (using.length === 0) return;
  const texts = using.map(([what, names]) => `${names.length} ${what}(s) still using it: ${named(names)}`);
  const hint = tables.length > 0 ? { hint: "Drop the tables first." } : {};
  throw new DbError("DEPENDENT_OBJECTS", `${cannot}: ${texts.join("; ")}`, hint);
}

/** Of users who were given another storage since. */
function assertNoUploads(id: string, tx: Pick<WriteTx, "all" | "catalog">): void {
  const files = filesOfStorage(id, { all: (sql, values) => tx.all(sql, values) });
  const tables = [...files.keys()].flatMap((table) => tx.catalog.tableById(table) ?? []);
  if (tables.length === 0) return;
  const message = `Cannot drop storage '${id}': uploaded files of ${named(tables.map(qualifiedName))} lie in it`;
  throw new DbError("DEPENDENT_OBJECTS", message);
}

function notFound(id: string): DbError {
  return new DbError("NOT_FOUND", `Storage '${id}' does not exist`);
}

function requireStorage(id: string, catalog: CatalogView): Storage {
  const storage = catalog.storage(id);
  if (storage === undefined) throw notFound(id);
  return storage;
}

/** Undefined is no storage, and may be. */
export function assertStorage(id: string | undefined, catalog: CatalogView): void {
  if (id !== undefined) requireStorage(id, catalog);
}

/** As it would be once it is written down. */
function routedTo(storage: Storage, access: StorageAccess): ObjectStore {
  return new RoutedStore(localFolder(access.dataDir), () => locationOf(storage, access));
}

/** For each attempt: somebody is waiting. */
const CHECK_TIMEOUT_MS = 5_000;

async function openStorage(storage: Storage, deps: StorageDeps): Promise<ObjectStore> {
  const { access } = deps.storages;
  const requestTimeoutMs = Math.min(access.requestTimeoutMs, CHECK_TIMEOUT_MS);
  return openObjectStore(await locationOf(storage, { ...access, requestTimeoutMs }));
}

async function assertWorks(storage: Storage, deps: StorageDeps): Promise<void> {
  const health = await checkStorage(await openStorage(storage, deps));
  const status = statusOf(health);
  if (status === "healthy") return;
  throw new DbError(
    "STORAGE_UNREACHABLE",
    `Storage '${storage.id}' is ${status}: ${health.error ?? "it does not give back what is written"}`,
  );
}

const CHECK_COLUMNS = columns({
  storage_id: TEXT,
  status: TEXT,
  readable: BOOLEAN,
  writable: BOOLEAN,
  listable: BOOLEAN,
  deletable: BOOLEAN,
  latency_ms: BIGINT,
  total_bytes: BIGINT,
  used_bytes: BIGINT,
  error: TEXT,
  tested_at: TIMESTAMP,
});

async function checkRow(
  { id, extended }: { readonly id: string; readonly extended: boolean },
  session: Session,
  deps: StorageDeps,
): Promise<StatementResult> {
  const storage = requireStorage(id, deps.catalog);
  const objects = await openStorage(storage, deps);
  const health = await ofOwner(await checkStorage(objects), storage, deps);
  const sizes = extended && health.listable ? await sizesOf(storage, objects, deps) : [null, null];
  const { readable, writable, listable, deletable, error = null } = health;
  const row: readonly Cell[] = [
    id,
    statusOf(health),
    readable,
    writable,
    listable,
    deletable,
    BigInt(Math.round(health.latencyMs)),
    ...sizes,
    error,
    BigInt(deps.clock.nowMs()) * 1000n,
  ];
  return rowsResult(session, CHECK_COLUMNS, [row]);
}

/** What bears another database's mark is read from and never written to, whatever the bucket would allow. */
async function ofOwner(health: StorageHealth, { id }: Storage, deps: StorageDeps): Promise<StorageHealth> {
  const { access, epoch } = deps.storages;
  if (id === LOCAL_STORAGE || !health.readable) return health;
  const owner = await ownerOf(routedTo(requireStorage(id, deps.catalog), access), id);
  if (owner === undefined || owner === epoch) return health;
  return { ...health, writable: false, deletable: false, error: othersPlace(id, owner) };
}

/** Of the disk, where there is one, and of what lies in the storage. */
async function sizesOf(storage: Storage, objects: ObjectStore, deps: StorageDeps): Promise<Cell[]> {
  const used = BigInt(await usedBytes(objects));
  if (storage.type !== "filesystem") return [null, used];
  const location = await locationOf(storage, deps.storages.access);
  if (location.kind !== "filesystem") return [null, used];
  const { blocks, bsize } = await statfs(location.folder);
  return [BigInt(blocks) * BigInt(bsize), used];
}

/** Who does not administer sees that storages are there, not where. */
const HIDDEN_FROM_USERS: readonly string[] = ["base_directory", "credentials", "config_json"];

function showStorages(session: Session, deps: StorageDeps): StatementResult {
  const view = SYSTEM_VIEWS.get("system.storages");
  if (view === undefined) throw new Error("system.storages is missing");
  const rows = view.rows(deps.views);
  if (isAdmin(session.role)) return rowsResult(session, view.columns, rows);
  const hidden = view.columns.map(({ name }) => HIDDEN_FROM_USERS.includes(name));
  return rowsResult(
    session,
    view.columns,
    rows.map((row) => row.map((cell, index) => (hidden[index] === true && cell !== null ? "***" : cell))),
  );
}
