// A storage's definition as JSON text in the catalog, and back, checked field by field.
import { type S3Config, STORAGE_TYPES, type Storage } from "../../model/storage.ts";
import { damaged, toCount, toFields, toFlag, toOneOf, toOptional, toText } from "./stored-fields.ts";

export function encodeStorage(storage: Storage): string {
  return JSON.stringify(storage);
}

export function decodeStorage(id: string, text: string): Storage {
  const what = `storage ${id}`;
  const json = toFields(parseJson(text), what);
  if (json["id"] !== id) throw damaged(`${what}, id`, json["id"]);
  const read = (field: string): string => toText(json[field], `${what}, ${field}`);
  return {
    id,
    name: read("name"),
    description: toOptional(json["description"], toText, `${what}, description`),
    type: toOneOf(json["type"], STORAGE_TYPES, `${what}, type`),
    base: read("base"),
    // Never quoted, even damaged.
    sealedCredentials: toOptional(json["sealedCredentials"], toText, `${what}, sealedCredentials`),
    s3: toOptional(json["s3"], decodeS3, `${what}, s3`),
    sharedTablesTemplate: read("sharedTablesTemplate"),
    userTablesTemplate: read("userTablesTemplate"),
    createdAtMs: toCount(json["createdAtMs"], `${what}, createdAtMs`),
    updatedAtMs: toCount(json["updatedAtMs"], `${what}, updatedAtMs`),
  };
}

function decodeS3(value: unknown, what: string): S3Config {
  const json = toFields(value, what);
  return {
    endpoint: toOptional(json["endpoint"], toText, `${what}, endpoint`),
    region: toOptional(json["region"], toText, `${what}, region`),
    virtualHostedStyle: toFlag(json["virtualHostedStyle"], `${what}, virtualHostedStyle`),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
