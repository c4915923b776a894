// Credentials of storages at rest: AES-256-GCM under a key derived from the server's secret, bound to the id of their storage, so that neither the data file nor a
// copy of it gives them away, and a sealed text moved to another storage does not open.
import { DbError } from "../../base/errors.ts";
import type { S3Credentials } from "../../model/storage.ts";

const VERSION = "v1";
const NONCE_BYTES = 12;
const PURPOSE = "kalamdb storage credentials";

/** 32 bytes; the same for the same secret. */
export async function deriveSealingKey(secret: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const material = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: new TextEncoder().encode(PURPOSE) },
    material,
    256,
  );
  return new Uint8Array(bits);
}

async function aesKey(key: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
}

function parameters(nonce: Uint8Array<ArrayBuffer>, storageId: string): AesGcmParams {
  return { name: "AES-GCM", iv: nonce, additionalData: new TextEncoder().encode(storageId) };
}

export async function sealCredentials(
  key: Uint8Array<ArrayBuffer>,
  storageId: string,
  credentials: S3Credentials,
): Promise<string> {
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const plain = new TextEncoder().encode(JSON.stringify(credentials));
  const sealed = await crypto.subtle.encrypt(parameters(nonce, storageId), await aesKey(key), plain);
  return `${VERSION}.${nonce.toBase64()}.${new Uint8Array(sealed).toBase64()}`;
}

/** Throws STORAGE_ERROR when the secret is not the one they were sealed under. */
export async function openCredentials(
  key: Uint8Array<ArrayBuffer>,
  storageId: string,
  sealed: string,
): Promise<S3Credentials> {
  try {
    const [version, nonce = "", text = ""] = sealed.split(".");
    if (version !== VERSION) throw new Error("unknown version");
    const bytes = await crypto.subtle.decrypt(
      parameters(Uint8Array.fromBase64(nonce), storageId),
      await aesKey(key),
      Uint8Array.fromBase64(text),
    );
    return readCredentials(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    // What failed is of no use to anybody, and may quote a part of the text.
    throw new DbError(
      "STORAGE_ERROR",
      `The credentials of storage '${storageId}' do not open with this server's secret`,
      {
        hint: `Give them again: ALTER STORAGE ${storageId} SET CREDENTIALS '…'`,
      },
    );
  }
}

/** The CREDENTIALS of CREATE STORAGE, parsed as JSON. Throws INVALID_INPUT, and quotes nothing of them. */
export function readCredentials(json: unknown): S3Credentials {
  const fields: Readonly<Record<string, unknown>> =
    typeof json === "object" && json !== null && !Array.isArray(json) ? { ...json } : {};
  const read = (...names: readonly string[]): string | undefined => {
    const value = names.map((name) => fields[name]).find((one) => one !== undefined);
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const known = [
    "access_key_id",
    "accessKeyId",
    "secret_access_key",
    "secretAccessKey",
    "session_token",
    "sessionToken",
  ];
  const accessKeyId = read("access_key_id", "accessKeyId");
  const secretAccessKey = read("secret_access_key", "secretAccessKey");
  const isKnown = Object.keys(fields).every((name) => known.includes(name));
  if (accessKeyId === undefined || secretAccessKey === undefined || !isKnown) {
    throw new DbError(
      "INVALID_INPUT",
      "CREDENTIALS must be a JSON object of access_key_id, secret_access_key and, if need be, session_token",
    );
  }
  return { accessKeyId, secretAccessKey, sessionToken: read("session_token", "sessionToken") };
}
