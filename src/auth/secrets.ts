// What the server must keep to itself between starts: the secret that signs tokens and the first password of root. Given by the configuration or
// made at random; there is no default of either.
import { chmodSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { DbError, type ErrorCode } from "../base/errors.ts";
import { errorText, type Log } from "../base/log.ts";
import { makePrivateFolder, PRIVATE_FILE_MODE, writePrivateFile } from "../base/private-file.ts";
import type { Config } from "../config/config.ts";

export const MIN_JWT_SECRET_BYTES = 32;
/** 32 random hexadecimal digits have 14 different ones; fewer than this is a word that was repeated to fill the length. */
const MIN_JWT_SECRET_DISTINCT_BYTES = 8;
const FORMAT_VERSION = 1;

export interface RootPassword {
  readonly value: string;
  readonly source: "configured" | "generated";
  /** True when this call made the file. */
  readonly createdNow: boolean;
  /** Where a generated password can be read; undefined for a configured one. */
  readonly path: string | undefined;
}

export interface Secrets {
  readonly jwtSecret: Uint8Array<ArrayBuffer>;
  /** From the configuration; applied at every start. An empty one leaves root waiting for setup. */
  readonly configuredRootPassword: string | undefined;
  /** Where a generated password is or would be kept. */
  readonly rootPasswordPath: string;
  /** For a root that has no password yet: the configured one, else the one in the file, else a new one. */
  rootPassword(): RootPassword;
  /** Removes the file once its password is no longer root's. */
  forgetGeneratedRootPassword(): void;
}

export interface SecretsOptions {
  readonly dataDir: string;
  readonly config: Pick<Config["auth"], "jwtSecret" | "rootPassword">;
  readonly log: Log;
}

export function loadOrCreateSecrets({ dataDir, config, log }: SecretsOptions): Secrets {
  const configured = config.jwtSecret === undefined ? undefined : configuredJwtSecret(config.jwtSecret);
  const rootPasswordPath = join(dataDir, "root-password.txt");
  // Keeps what exists as it is: the folder may be a mounted volume whose mode is not ours to change.
  attempt(`data folder ${dataDir} cannot be made`, () => makePrivateFolder(dataDir));
  return {
    jwtSecret: configured ?? storedJwtSecret(join(dataDir, "secrets.json"), log),
    configuredRootPassword: config.rootPassword,
    rootPasswordPath,
    rootPassword: () => {
      if (config.rootPassword === undefined) return generatedRootPassword(rootPasswordPath, log);
      return { value: config.rootPassword, source: "configured", createdNow: false, path: undefined };
    },
    forgetGeneratedRootPassword: () =>
      attempt(`${rootPasswordPath} cannot be removed`, () => rmSync(rootPasswordPath, { force: true })),
  };
}

function attempt<T>(what: string, work: () => T, code: ErrorCode = "STORAGE_ERROR"): T {
  try {
    return work();
  } catch (cause) {
    throw new DbError(code, `${what}: ${errorText(cause)}`, { cause });
  }
}

function configuredJwtSecret(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = new TextEncoder().encode(secret);
  const fault = jwtSecretFault(bytes);
  if (fault === undefined) return bytes;
  throw new DbError("INVALID_CONFIG", `auth.jwt_secret ${fault}`, {
    hint: "Leave it unset to have a random one made, or make one with: openssl rand -base64 48",
  });
}

function jwtSecretFault(secret: Uint8Array): string | undefined {
  if (secret.length < MIN_JWT_SECRET_BYTES) {
    return `is ${secret.length} bytes long, and at least ${MIN_JWT_SECRET_BYTES} are needed`;
  }
  const distinct = new Set(secret).size;
  return distinct < MIN_JWT_SECRET_DISTINCT_BYTES
    ? `is made of ${distinct} different bytes and easy to guess`
    : undefined;
}

function storedJwtSecret(path: string, log: Log): Uint8Array<ArrayBuffer> {
  const source = readPrivateFile(path, log);
  if (source !== undefined) return parseSecretsFile(path, source);
  const secret = crypto.getRandomValues(new Uint8Array(MIN_JWT_SECRET_BYTES));
  const text = `${JSON.stringify({ version: FORMAT_VERSION, jwtSecret: secret.toBase64() })}\n`;
  attempt(`${path} cannot be written`, () => writePrivateFile(path, text));
  return secret;
}

/** A damaged file is an error and not a reason to make a new secret: that would silently log everyone out. */
function parseSecretsFile(path: string, source: string): Uint8Array<ArrayBuffer> {
  const damaged = `${path} is damaged; restore it from a backup, or delete it to make a new secret, which voids every token`;
  return attempt(
    damaged,
    () => {
      const parsed: unknown = JSON.parse(source);
      const isObject = typeof parsed === "object" && parsed !== null;
      if (!isObject || !("version" in parsed) || parsed.version !== FORMAT_VERSION) throw new Error("unknown version");
      if (!("jwtSecret" in parsed) || typeof parsed.jwtSecret !== "string") throw new Error("no jwtSecret");
      const secret = Uint8Array.fromBase64(parsed.jwtSecret);
      if (secret.length < MIN_JWT_SECRET_BYTES) throw new Error("jwtSecret is too short");
      return secret;
    },
    "INVALID_CONFIG",
  );
}

function generatedRootPassword(path: string, log: Log): RootPassword {
  const stored = readPrivateFile(path, log)?.trim();
  if (stored !== undefined && stored !== "") {
    return { value: stored, source: "generated", createdNow: false, path };
  }
  const value = readablePassword();
  attempt(`${path} cannot be written`, () => writePrivateFile(path, `${value}\n`));
  return { value, source: "generated", createdNow: true, path };
}

function readPrivateFile(path: string, log: Log): string | undefined {
  const status = attempt(`${path} cannot be read`, () => statSync(path, { throwIfNoEntry: false }));
  if (status === undefined) return undefined;
  if ((status.mode & 0o077) !== 0) {
    log.warn("secret file was readable by others; its mode is now 0600", { path });
    attempt(`${path} cannot be made private`, () => chmodSync(path, PRIVATE_FILE_MODE));
  }
  return attempt(`${path} cannot be read`, () => readFileSync(path, "utf8"));
}

/** No characters that look alike, so that it can be typed from a screen. */
const READABLE = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 5;
const GROUP_LENGTH = 5;

/** Five groups of five: 123 bits. */
function readablePassword(): string {
  const letters: string[] = [];
  // Bytes at or above the largest multiple of the alphabet are thrown away, else its first letters would come up more often.
  const limit = 256 - (256 % READABLE.length);
  while (letters.length < GROUPS * GROUP_LENGTH) {
    for (const byte of crypto.getRandomValues(new Uint8Array(GROUPS * GROUP_LENGTH))) {
      if (byte < limit) letters.push(READABLE[byte % READABLE.length] ?? "");
    }
  }
  const groups = Array.from({ length: GROUPS }, (_unused, index) =>
    letters.slice(index * GROUP_LENGTH, (index + 1) * GROUP_LENGTH).join(""),
  );
  return groups.join("-");
}
