// What CREATE STORAGE and ALTER STORAGE say, as a storage's definition: every field checked, credentials sealed, the place normalised and kept apart from those of
// other storages.
import { realpathSync } from "node:fs";
import { dirname, isAbsolute, join, normalize } from "node:path";
import { DbError } from "../base/errors.ts";
import {
  DEFAULT_SHARED_TEMPLATE,
  DEFAULT_USER_TEMPLATE,
  type S3Config,
  type Storage,
  type StorageType,
} from "../model/storage.ts";
import type { StorageProperties } from "../sql/statement.ts";
import { isKey } from "../storage/objects/object-store.ts";
import { parseTemplate } from "../storage/objects/path-template.ts";
import { readCredentials, sealCredentials } from "../storage/objects/sealed-credentials.ts";
import { localFolder, type StorageAccess } from "../storage/objects/storage-access.ts";
import { isSystemFolder } from "../storage/objects/system-folder.ts";

const MAX_NAME_CHARACTERS = 200;
const MAX_DESCRIPTION_CHARACTERS = 2_000;
const MAX_PATH_CHARACTERS = 1_000;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const REGION = /^[a-z0-9-]{1,64}$/;

export interface NewStorage {
  readonly id: string;
  readonly type: StorageType;
  readonly properties: StorageProperties;
  readonly nowMs: number;
}

export async function newStorage(given: NewStorage, access: StorageAccess): Promise<Storage> {
  const { id, type, properties, nowMs } = given;
  const empty: Storage = {
    id,
    name: id,
    description: undefined,
    type,
    base: "",
    sealedCredentials: undefined,
    s3: type === "s3" ? { endpoint: undefined, region: undefined, virtualHostedStyle: false } : undefined,
    sharedTablesTemplate: DEFAULT_SHARED_TEMPLATE,
    userTablesTemplate: DEFAULT_USER_TEMPLATE,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
  };
  if (properties.path === undefined && properties.bucket === undefined) {
    throw invalid(type === "s3" ? "A storage of type s3 needs BUCKET" : "A storage of type filesystem needs PATH");
  }
  return changedStorage(empty, { properties, nowMs }, access);
}

/** The definition with what is given changed. */
export async function changedStorage(
  before: Storage,
  change: { readonly properties: StorageProperties; readonly nowMs: number },
  access: StorageAccess,
): Promise<Storage> {
  const { properties, nowMs } = change;
  const { name, description, sharedTablesTemplate, userTablesTemplate, credentials } = properties;
  const isFolder = before.type === "filesystem";
  if (isFolder && (credentials ?? properties.bucket ?? properties.region) !== undefined) {
    throw invalid("CREDENTIALS, BUCKET and REGION do not apply to a storage of type filesystem");
  }
  return {
    ...before,
    ...(name === undefined ? {} : { name: bounded("NAME", name, MAX_NAME_CHARACTERS) }),
    ...(description === undefined
      ? {}
      : { description: bounded("DESCRIPTION", description, MAX_DESCRIPTION_CHARACTERS) }),
    ...(sharedTablesTemplate === undefined
      ? {}
      : { sharedTablesTemplate: parseTemplate(sharedTablesTemplate, "shared") }),
    ...(userTablesTemplate === undefined ? {} : { userTablesTemplate: parseTemplate(userTablesTemplate, "user") }),
    ...(credentials === undefined ? {} : { sealedCredentials: await seal(before.id, credentials, access) }),
    base: isFolder ? folderBase(before, properties.path, access) : bucketBase(before, properties),
    s3: isFolder ? folderConfig(properties.config) : s3Config(before.s3, properties),
    updatedAtMs: Math.max(nowMs, before.updatedAtMs + 1),
  };
}

async function seal(id: string, text: string, access: StorageAccess): Promise<string> {
  const credentials = readCredentials(parseJson("CREDENTIALS", text));
  return sealCredentials(Uint8Array.fromBase64(access.sealingKey), id, credentials);
}

function parseJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's message would quote the text.
    throw invalid(`${what} must be a JSON object`);
  }
}

function bounded(what: string, text: string, max: number): string {
  if (text.length > max || !text.isWellFormed() || text.includes("\0")) {
    throw invalid(`${what} must be at most ${max} characters of text`);
  }
  return text;
}

/** A relative path lies in `storages` of the data folder. */
function folderBase(before: Storage, path: string | undefined, access: StorageAccess): string {
  if (path === undefined) return before.base;
  const plain = path.replace(/\/+$/, "");
  const isSafe = isAbsolute(plain)
    ? isKey(plain.slice(1)) && normalize(plain) === plain
    : isKey(plain) && !plain.startsWith("@");
  if (plain.length > MAX_PATH_CHARACTERS || !isSafe) {
    throw invalid(
      `PATH ${JSON.stringify(path.slice(0, 100))} must be a folder without '.', '..', '//' or control characters`,
    );
  }
  if (!isAbsolute(plain)) return join(access.dataDir, "storages", plain);
  if (isSystemFolder(real(plain))) throw invalid(`${JSON.stringify(path)} is a folder of the operating system`);
  return plain;
}

function bucketBase(before: Storage, { path, bucket }: StorageProperties): string {
  const text = bucket ?? path;
  if (text === undefined) return before.base;
  if (bucket !== undefined && path !== undefined)
    throw invalid("BUCKET and BASE_DIRECTORY name the same thing: give one");
  const [, name = "", prefix = ""] = /^(?:s3:\/\/)?([^/]+)\/?(.*?)\/*$/.exec(text) ?? [];
  if (!BUCKET.test(name) || (prefix !== "" && !isKey(prefix)) || text.length > MAX_PATH_CHARACTERS) {
    throw invalid(`${JSON.stringify(text.slice(0, 100))} is not a bucket, nor s3://bucket/prefix`);
  }
  return prefix === "" ? `s3://${name}` : `s3://${name}/${prefix}`;
}

function folderConfig(text: string | undefined): undefined {
  if (text === undefined) return undefined;
  const unknown = Object.keys(configFields(text))[0];
  if (unknown !== undefined)
    throw invalid(`CONFIG of a filesystem storage has no field ${JSON.stringify(unknown.slice(0, 40))}`);
  return undefined;
}

/** A CONFIG that is given replaces the one before. */
function s3Config(before: S3Config | undefined, { config, region }: StorageProperties): S3Config {
  const start: S3Config = before ?? { endpoint: undefined, region: undefined, virtualHostedStyle: false };
  const fields = config === undefined ? undefined : configFields(config);
  const unknown = Object.keys(fields ?? {}).find((name) => !CONFIG_FIELDS.includes(name));
  if (unknown !== undefined) {
    throw invalid(`CONFIG has no field ${JSON.stringify(unknown.slice(0, 40))}; it has ${CONFIG_FIELDS.join(", ")}`);
  }
  const read = (name: string): string | undefined => {
    const value = fields?.[name];
    if (value !== undefined && typeof value !== "string") throw invalid(`${name} in CONFIG must be a string`);
    return value;
  };
  const style = fields?.["virtual_hosted_style"] ?? false;
  if (typeof style !== "boolean") throw invalid("virtual_hosted_style in CONFIG must be true or false");
  const given = region ?? read("region");
  if (given !== undefined && !REGION.test(given)) throw invalid("The region must be small letters, digits and '-'");
  if (fields === undefined) return { ...start, region: given ?? start.region };
  return { endpoint: endpointOf(read("endpoint")), region: given, virtualHostedStyle: style };
}

const CONFIG_FIELDS: readonly string[] = ["endpoint", "region", "virtual_hosted_style"];

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.username === "" && url.password === "";
  if (!isPlain || url.search !== "" || url.hash !== "") {
    throw invalid("endpoint in CONFIG must be an http or https URL without user, query and fragment");
  }
  return url.href.replace(/\/+$/, "");
}

function configFields(text: string): Readonly<Record<string, unknown>> {
  const json = parseJson("CONFIG", text);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw invalid("CONFIG must be a JSON object");
  return { ...json };
}

/** Two storages never share a place: a sweep of one would take the other's files for left over. */
export function assertApart(storage: Storage, others: readonly Storage[], access: StorageAccess): void {
  const place = placeText(storage, access);
  const held = [
    ...others.filter(({ id }) => id !== storage.id).map((other) => [placeText(other, access), `storage '${other.id}'`]),
    ...(storage.type === "filesystem" ? dataPlaces(storage, access) : []),
  ];
  for (const [other = "", what] of held) {
    if (place.startsWith(other) || other.startsWith(place))
      throw invalid(`The place of storage '${storage.id}' overlaps that of ${what}`);
  }
}

/** The data folder is not to be written to, but for what lies in its `storages`. */
function dataPlaces(storage: Storage, { dataDir }: StorageAccess): [string, string][] {
  const own = `${real(join(dataDir, "storages"))}/`;
  return `${real(storage.base)}/`.startsWith(own) ? [] : [[`${real(dataDir)}/`, "the data folder"]];
}

function placeText(storage: Storage, access: StorageAccess): string {
  if (storage.type === "s3") return `${storage.s3?.endpoint ?? "aws"} ${storage.base}/`;
  return `${real(storage.base === "" ? localFolder(access.dataDir) : storage.base)}/`;
}

/** Links resolved as far as the folders exist. */
function real(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    const parent = dirname(folder);
    return parent === folder ? folder : join(real(parent), folder.slice(parent.length));
  }
}

function invalid(message: string): DbError {
  return new DbError("INVALID_INPUT", message);
}
