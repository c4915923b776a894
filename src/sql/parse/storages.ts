// CREATE STORAGE, ALTER STORAGE, DROP STORAGE and STORAGE CHECK.
import { DbError } from "../../base/errors.ts";
import type { StorageType } from "../../model/storage.ts";
import type { Statement, StorageProperties } from "../statement.ts";
import type { Cursor } from "./tokens.ts";

const STORAGE_ID = /^[A-Za-z0-9_-]{1,64}$/;

export function takeStorageId(cursor: Cursor): string {
  const id = cursor.expectText();
  if (STORAGE_ID.test(id)) return id;
  throw new DbError(
    "INVALID_NAME",
    `Storage id ${JSON.stringify(id.slice(0, 64))} may only contain letters, digits, '_' and '-', at most 64`,
  );
}

const TYPES: Readonly<Record<string, StorageType | "gcs" | "azure">> = {
  filesystem: "filesystem",
  s3: "s3",
  gcs: "gcs",
  gs: "gcs",
  azure: "azure",
  az: "azure",
};

/** Each keyword and the property it sets. */
const PROPERTIES: Readonly<Record<string, keyof StorageProperties>> = {
  NAME: "name",
  DESCRIPTION: "description",
  PATH: "path",
  BASE_DIRECTORY: "path",
  BUCKET: "bucket",
  REGION: "region",
  SHARED_TABLES_TEMPLATE: "sharedTablesTemplate",
  USER_TABLES_TEMPLATE: "userTablesTemplate",
  CREDENTIALS: "credentials",
  CONFIG: "config",
};

export function parseCreateStorage(cursor: Cursor): Statement {
  cursor.expectWords("CREATE", "STORAGE");
  const ifNotExists = cursor.takeWords("IF", "NOT", "EXISTS");
  const id = takeStorageId(cursor);
  cursor.expectWords("TYPE");
  const typeText = cursor.expectText().toLowerCase();
  const type = Object.hasOwn(TYPES, typeText) ? TYPES[typeText] : undefined;
  if (type === undefined)
    throw new DbError("INVALID_SQL", `Unknown storage type '${typeText.slice(0, 40)}'; it is filesystem or s3`);
  if (type === "gcs" || type === "azure") {
    throw new DbError("UNSUPPORTED", `Storages of type ${type} are not supported`, {
      hint: "A service that speaks S3 works as TYPE s3 with its endpoint in CONFIG.",
    });
  }
  const properties: Partial<Record<keyof StorageProperties, string>> = {};
  while (cursor.peek().kind !== "end") takeProperty(cursor, properties);
  return { kind: "createStorage", ifNotExists, id, type, properties };
}

function takeProperty(cursor: Cursor, properties: Partial<Record<keyof StorageProperties, string>>): void {
  const { kind, text } = cursor.peek();
  const keyword = text.toUpperCase();
  const property = kind === "word" && Object.hasOwn(PROPERTIES, keyword) ? PROPERTIES[keyword] : undefined;
  if (property === undefined) throw cursor.unexpected();
  if (properties[property] !== undefined) throw new DbError("INVALID_SQL", `${keyword} is given twice`);
  cursor.take();
  properties[property] = cursor.expectString();
}

export function parseAlterStorage(cursor: Cursor): Statement {
  cursor.expectWords("ALTER", "STORAGE");
  const id = takeStorageId(cursor);
  const properties: Partial<Record<keyof StorageProperties, string>> = {};
  do {
    cursor.expectWords("SET");
    takeProperty(cursor, properties);
  } while (cursor.takeSymbol(",") || cursor.isWord("SET"));
  cursor.expectEnd();
  return { kind: "alterStorage", id, properties };
}

export function parseDropStorage(cursor: Cursor): Statement {
  cursor.expectWords("DROP", "STORAGE");
  const ifExists = cursor.takeWords("IF", "EXISTS");
  const id = takeStorageId(cursor);
  cursor.expectEnd();
  return { kind: "dropStorage", ifExists, id };
}

/** Stands after STORAGE CHECK. */
export function takeStorageCheck(cursor: Cursor): Statement {
  const id = takeStorageId(cursor);
  const extended = cursor.takeWords("EXTENDED");
  cursor.expectEnd();
  return { kind: "checkStorage", id, extended };
}
