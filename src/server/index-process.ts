// The program that builds indexes of large buffers, from both sides: this process starts it and listens; in it, statements of the storage are run. It is a process
// because one SQLite statement builds an index, and would hold the loop for as long; an end of the server ends it, and takes its statement back.

import { DbError, type ErrorCode } from "../base/errors.ts";
import { errorText } from "../base/log.ts";
import { dieWithParent } from "../engine/query/process-limits.ts";
import { type Durability, openWriterConnection } from "../storage/hot/connection.ts";
import type { StartIndexProcess } from "../storage/hot/index-builder.ts";
import { toStorageError } from "../storage/hot/storage-error.ts";

type Request =
  | {
      readonly kind: "open";
      readonly databasePath: string;
      readonly durability: Durability;
      readonly parentPid: number;
    }
  | { readonly kind: "run"; readonly statements: readonly string[] };

type Reply =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** In the process itself. */
export function serveIndexes(): void {
  process.on("disconnect", () => process.exit(0));
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);
  let db: ReturnType<typeof openWriterConnection> | undefined;
  process.on("message", (request: Request) => {
    const reply = (message: Reply): void => {
      process.send?.(message);
    };
    try {
      if (request.kind === "open") {
        dieWithParent(request.parentPid);
        db = openWriterConnection(request.databasePath, request.durability);
        // What it sorts counts as the process's memory, and needs no room for temporary files.
        db.run("PRAGMA temp_store = MEMORY");
      } else {
        for (const statement of ["BEGIN IMMEDIATE", ...request.statements, "COMMIT"]) db?.run(statement);
      }
      reply({ kind: "done" });
    } catch (error) {
      const failure = toStorageError(error);
      const code = failure instanceof DbError ? failure.code : "INTERNAL_ERROR";
      reply({ kind: "failed", code, message: failure instanceof DbError ? failure.message : errorText(failure) });
    }
  });
}

export interface IndexProcessOptions {
  /** Starts this program so that it calls `serveIndexes`. */
  readonly command: readonly string[];
  readonly durability: Durability;
}

export function indexProcessStarter({ command, durability }: IndexProcessOptions): StartIndexProcess {
  return async (databasePath) => {
    let answer = Promise.withResolvers<void>();
    const child = Bun.spawn([...command], {
      stdio: ["ignore", "ignore", "ignore"],
      env: {},
      serialization: "advanced",
      ipc: (reply: Reply) => {
        if (reply.kind === "done") answer.resolve();
        else answer.reject(new DbError(reply.code, reply.message));
      },
      onExit: (ended) => answer.reject(endedEarly(ended)),
    });
    const ask = async (request: Request): Promise<void> => {
      // One that has ended while the writer was waited for takes no message.
      if (child.exitCode !== null || child.signalCode !== null) throw endedEarly(child);
      answer = Promise.withResolvers<void>();
      child.send(request);
      await answer.promise;
    };
    const end = async (): Promise<void> => {
      // Nobody waits for an answer any more.
      answer.promise.catch(() => undefined);
      child.kill("SIGKILL");
      await child.exited;
    };
    try {
      await ask({ kind: "open", databasePath, durability, parentPid: process.pid });
    } catch (error) {
      await end();
      throw error;
    }
    return {
      async run(statements, signal) {
        const kill = (): void => child.kill("SIGKILL");
        if (signal.aborted) kill();
        signal.addEventListener("abort", kill, { once: true });
        try {
          await ask({ kind: "run", statements });
        } catch (error) {
          if (signal.aborted) throw new DbError("SHUTTING_DOWN", "The server is shutting down", { cause: error });
          throw error;
        } finally {
          signal.removeEventListener("abort", kill);
        }
      },
      [Symbol.asyncDispose]: end,
    };
  };
}

function endedEarly({ exitCode, signalCode }: Pick<Bun.Subprocess, "exitCode" | "signalCode">): DbError {
  const how = signalCode === null ? `exit ${exitCode}` : `signal ${signalCode}`;
  return new DbError("STORAGE_ERROR", `The process that builds indexes ended early (${how})`);
}
