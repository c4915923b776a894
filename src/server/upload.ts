// A SQL request that is a form with files: received below the data folder, run, and gone again.
import { join } from "node:path";
import { DbError } from "../base/errors.ts";
import type { UserId } from "../base/ids.ts";
import type { Config } from "../config/config.ts";
import type { Uploads } from "../engine/uploads.ts";
import { decodeSqlForm, type SqlRequest } from "../protocol/http.ts";
import { spoolFolder } from "../storage/objects/storage-access.ts";
import { type FormLimits, receiveForm } from "./multipart.ts";

/** Text parts, headers and boundaries of a form. */
const MAX_FORM_OVERHEAD_BYTES = 4 * 1024 * 1024;
/** Forms that are being received; each has a place on the disk and in memory. */
const MAX_AT_ONCE = 64;
const MAX_AT_ONCE_BY_USER = 8;

export interface Upload extends AsyncDisposable {
  readonly request: SqlRequest;
  readonly uploads: Uploads;
}

export function maxUploadBytes({ files }: Pick<Config, "files">): number {
  return files.maxFilesPerRequest * files.maxSizeBytes + MAX_FORM_OVERHEAD_BYTES;
}

export interface UploadsDeps {
  readonly config: Pick<Config, "files" | "limits" | "execution">;
  readonly dataDir: string;
}

export class UploadReceiver {
  readonly #deps: UploadsDeps;
  readonly #underWay = new Map<UserId, number>();
  #count = 0;

  constructor(deps: UploadsDeps) {
    this.#deps = deps;
  }

  async receive(request: Request, user: UserId): Promise<Upload> {
    const { dataDir } = this.#deps;
    const leave = this.#enter(user);
    try {
      const folder = join(spoolFolder(dataDir), "forms", crypto.randomUUID());
      const form = await receiveForm(request, folder, this.#formLimits());
      try {
        return {
          request: decodeSqlForm(form.texts, this.#requestLimits()),
          uploads: form.files,
          async [Symbol.asyncDispose]() {
            leave();
            await form[Symbol.asyncDispose]();
          },
        };
      } catch (error) {
        await form[Symbol.asyncDispose]();
        throw error;
      }
    } catch (error) {
      leave();
      throw error;
    }
  }

  #enter(user: UserId): () => void {
    const ofUser = this.#underWay.get(user) ?? 0;
    if (ofUser >= MAX_AT_ONCE_BY_USER) {
      throw new DbError("RATE_LIMIT_EXCEEDED", `A user may upload ${MAX_AT_ONCE_BY_USER} forms at once`);
    }
    if (this.#count >= MAX_AT_ONCE) throw new DbError("SERVER_BUSY", "Too many uploads at once");
    this.#underWay.set(user, ofUser + 1);
    this.#count += 1;
    return () => {
      this.#count -= 1;
      const left = (this.#underWay.get(user) ?? 1) - 1;
      if (left > 0) this.#underWay.set(user, left);
      else this.#underWay.delete(user);
    };
  }

  #formLimits(): FormLimits {
    const { files } = this.#deps.config;
    return {
      maxFiles: files.maxFilesPerRequest,
      maxFileBytes: files.maxSizeBytes,
      maxTextBytes: MAX_FORM_OVERHEAD_BYTES / 2,
      maxBodyBytes: maxUploadBytes(this.#deps.config),
      allowedMimeTypes: files.allowedMimeTypes,
    };
  }

  #requestLimits(): Parameters<typeof decodeSqlForm>[1] {
    const { limits, execution } = this.#deps.config;
    return {
      maxSqlBytes: limits.maxSqlBytes,
      maxParams: execution.maxParameters,
      maxParamBytes: execution.maxParameterSizeBytes,
    };
  }
}
