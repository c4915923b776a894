// Logins that outlive the client: one for each server, in a file that only its owner may read. Passwords are never in it; a refresh token is replaced each time it is used.
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { lockFile } from "../base/file-lock.ts";
import { writePrivateFile } from "../base/private-file.ts";
import { readTextIfThere } from "../base/read-text-if-there.ts";
import { isObject, toJson } from "../protocol/json.ts";
import { CliError } from "./cli-error.ts";

export interface SavedLogin {
  readonly user: string;
  readonly accessToken: string;
  readonly refreshToken: string | undefined;
}

/** What group or others may do. */
const FOREIGN_RIGHTS = 0o077;
const FOLDER_MODE = 0o700;
/** The file is held for as long as it takes to write a few hundred bytes to the disk. */
const LOCK_WAIT_MS = 10_000;

export class SavedLogins {
  readonly #path: string;
  readonly #warn: (text: string) => void;

  constructor(path: string, warn: (text: string) => void) {
    this.#path = path;
    this.#warn = warn;
  }

  get path(): string {
    return this.#path;
  }

  read(url: string): SavedLogin | undefined {
    if (!this.#isPrivate()) {
      this.#warn(`saved logins are not used: ${this.#path} can be read by others; chmod 600 it`);
      return undefined;
    }
    return this.#readAll().get(url);
  }

  save(url: string, login: SavedLogin): void {
    this.#change((logins) => {
      logins.set(url, login);
      return true;
    });
  }

  /** False: there was none. */
  forget(url: string): boolean {
    return this.#change((logins) => logins.delete(url));
  }

  /** Read again and replaced under a lock: another client may be saving too. `change` says whether there was anything to it. */
  #change(change: (logins: Map<string, SavedLogin>) => boolean): boolean {
    using _lock = this.#lock();
    const logins = this.#readAll();
    if (!change(logins)) return false;
    this.#write(logins);
    return true;
  }

  #lock(): Disposable {
    let lock: Disposable | undefined;
    try {
      mkdirSync(dirname(this.#path), { recursive: true, mode: FOLDER_MODE });
      lock = lockFile(`${this.#path}.lock`, LOCK_WAIT_MS);
    } catch (cause) {
      throw this.#notSaved(cause);
    }
    if (lock === undefined) throw this.#notSaved(new Error("another client holds its lock"));
    return lock;
  }

  #notSaved(cause: unknown): CliError {
    return new CliError(`the login cannot be saved in ${this.#path}`, { cause });
  }

  #readAll(): Map<string, SavedLogin> {
    let source: string | undefined;
    try {
      source = readTextIfThere(this.#path);
    } catch (cause) {
      throw new CliError(`saved logins cannot be read: ${this.#path}`, { cause });
    }
    return source === undefined ? new Map() : (parseLogins(source) ?? this.#broken());
  }

  #isPrivate(): boolean {
    const found = statSync(this.#path, { throwIfNoEntry: false });
    return found === undefined || process.platform === "win32" || (found.mode & FOREIGN_RIGHTS) === 0;
  }

  #broken(): Map<string, SavedLogin> {
    throw new CliError(`saved logins cannot be read: ${this.#path} is damaged`, {
      hint: "Remove the file and sign in again with \\login.",
    });
  }

  #write(logins: ReadonlyMap<string, SavedLogin>): void {
    const file = Object.fromEntries(
      [...logins].map(([url, { user, accessToken, refreshToken }]) => [url, { user, accessToken, refreshToken }]),
    );
    try {
      writePrivateFile(this.#path, `${toJson(file)}\n`);
    } catch (cause) {
      throw this.#notSaved(cause);
    }
  }
}

function parseLogins(source: string): Map<string, SavedLogin> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    // Told by the caller, who knows the file.
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const logins = new Map<string, SavedLogin>();
  for (const [url, entry] of Object.entries(value)) {
    const { user, accessToken, refreshToken } = isObject(entry) ? entry : {};
    if (typeof user !== "string" || typeof accessToken !== "string") return undefined;
    logins.set(url, { user, accessToken, refreshToken: typeof refreshToken === "string" ? refreshToken : undefined });
  }
  return logins;
}
