// The server of a soak: a process that ends in the middle, by its own will or not, and comes back in the same place.
import { ServerProcess } from "../../test/support/server-process.ts";
import { loginToken, TestUser } from "../../test/support/test-server.ts";
import { createUsers, signToken } from "../load/side.ts";
import type { WriterTarget } from "./writers.ts";

export interface SoakServerOptions {
  readonly folder: string;
  readonly port: number;
  readonly users: number;
  readonly env: Readonly<Record<string, string>>;
}

const SCHEMA = [
  "CREATE NAMESPACE soak",
  "CREATE USER TABLE soak.own (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, feed TEXT NOT NULL, body TEXT NOT NULL)",
  "CREATE SHARED TABLE soak.room (id BIGINT PRIMARY KEY, n BIGINT NOT NULL, feed TEXT NOT NULL, body TEXT NOT NULL) WITH (ACCESS_LEVEL = 'PUBLIC')",
] as const;

export class SoakServer implements WriterTarget, AsyncDisposable {
  readonly url: string;
  readonly #options: SoakServerOptions & { readonly password: string };
  #process: ServerProcess;
  #rootToken = "";
  #tokens: readonly string[] = [];

  private constructor(process: ServerProcess, options: SoakServerOptions & { readonly password: string }) {
    this.#process = process;
    this.#options = options;
    this.url = process.url;
  }

  static async open(options: SoakServerOptions): Promise<SoakServer> {
    const secret = crypto.randomUUID() + crypto.randomUUID();
    const env = { ...options.env, KALAMDB_JWT_SECRET: secret, KALAMDB_COMPACTION_MIN_FILES: "3" };
    const all = { ...options, env, password: crypto.randomUUID() };
    const self = new SoakServer(await startProcess(all), all);
    self.#rootToken = await loginToken(self.url, "root", all.password);
    for (const sql of SCHEMA) await self.root.sql(sql);
    const names = await createUsers(self.root, options.users);
    self.#tokens = await Promise.all(names.map((name) => signToken(name, secret)));
    return self;
  }

  get root(): TestUser {
    return new TestUser(this.url, "root", this.#rootToken);
  }

  tokenOf(feed: string): string {
    const [kind, index] = feed.split(":");
    return (kind === "own" ? this.#tokens[Number(index)] : undefined) ?? this.#rootToken;
  }

  tableOf(feed: string): string {
    return feed.startsWith("own:") ? "soak.own" : "soak.room";
  }

  async restart(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#process.end(signal);
    this.#process = await startProcess(this.#options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

function startProcess({
  folder,
  port,
  password,
  env,
}: SoakServerOptions & { readonly password: string }): Promise<ServerProcess> {
  return ServerProcess.start({ folder, port, password, env });
}
