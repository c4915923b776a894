// A real server on a free port with a folder of its own, removed at the end of the test.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import type { SettingValues } from "../../src/config/settings.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { until } from "./until.ts";

export const ROOT_PASSWORD = "correct-horse-battery-42";

export interface SqlError {
  readonly code: string;
  readonly message: string;
  readonly reason?: string;
  readonly position?: number;
  readonly hint?: string;
  readonly details?: string;
}

export interface SqlResult {
  readonly schema?: readonly {
    readonly name: string;
    readonly data_type: unknown;
    readonly index: number;
    readonly flags?: string[];
  }[];
  readonly rows?: readonly (readonly unknown[])[];
  readonly row_count: number;
  readonly message?: string;
  readonly as_user?: string;
  readonly seq?: string;
}

export interface SqlReply {
  readonly http: number;
  readonly status: "success" | "error";
  readonly results: readonly SqlResult[];
  readonly took: number;
  readonly error?: SqlError | null;
}

/** One user's way in. */
export class TestUser {
  readonly name: string;
  readonly token: string;
  readonly #url: string;

  constructor(url: string, name: string, token: string) {
    this.#url = url;
    this.name = name;
    this.token = token;
  }

  /** The reply as it came, errors included. */
  async send(sql: string, params?: readonly unknown[], extra: Record<string, unknown> = {}): Promise<SqlReply> {
    const response = await fetch(`${this.#url}/v1/api/sql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${this.token}` },
      body: JSON.stringify({ sql, ...(params === undefined ? {} : { params }), ...extra }),
    });
    const body = (await response.json()) as Omit<SqlReply, "http">;
    return { ...body, http: response.status };
  }

  /** The last result of a request that must succeed. */
  async sql(sql: string, params?: readonly unknown[]): Promise<SqlResult> {
    const reply = await this.send(sql, params);
    const last = reply.results.at(-1);
    if (reply.status !== "success" || last === undefined) {
      throw new Error(`${sql}\n→ ${JSON.stringify(reply.error ?? reply)}`);
    }
    return last;
  }

  /** Rows of a SELECT that must succeed. */
  async rows(sql: string, params?: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    return (await this.sql(sql, params)).rows ?? [];
  }

  /** A statement that starts a job, as a flush does, to the end of it: it must succeed, or have nothing to do. Of an administrator. */
  async job(sql: string): Promise<void> {
    const { message = "" } = await this.sql(sql);
    await this.jobsEnd();
    const id = /Job ID: ([A-Z]{2}-[0-9a-f]{12})/.exec(message)?.[1];
    if (id === undefined) return;
    const [[status, said, trace] = []] = await this.rows(
      "SELECT status, message, exception_trace FROM system.jobs WHERE job_id = $1",
      [id],
    );
    if (status !== "completed") throw new Error(`${sql}\n→ ${String(status)}: ${String(said)} ${String(trace)}`);
  }

  /** When no job waits or runs. */
  async jobsEnd(): Promise<void> {
    const unfinished = "SELECT job_id, status, message FROM system.jobs WHERE status IN ('pending', 'running')";
    let jobs: readonly unknown[] = [];
    await until(
      async () => {
        jobs = await this.rows(unfinished);
        return jobs.length === 0;
      },
      () => `the end of ${JSON.stringify(jobs)}`,
    );
  }

  /** When nobody watches anything any more. */
  async liveQueriesEnd(): Promise<void> {
    const live = "SELECT live_id FROM system.live_queries";
    await until(async () => (await this.rows(live)).length === 0, "the end of every live query");
  }

  /** The error of a request that must fail. */
  async fails(sql: string, params?: readonly unknown[]): Promise<SqlError & { readonly http: number }> {
    const reply = await this.send(sql, params);
    if (reply.status !== "error" || !reply.error) throw new Error(`${sql}\n→ succeeded: ${JSON.stringify(reply)}`);
    return { ...reply.error, http: reply.http };
  }
}

export class TestServer implements AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly root: TestUser;
  readonly #running: RunningServer;
  readonly #ownsFolder: boolean;

  constructor(
    running: RunningServer,
    root: TestUser,
    options: { readonly folder: string; readonly ownsFolder: boolean },
  ) {
    this.#running = running;
    this.url = running.url;
    this.root = root;
    this.folder = options.folder;
    this.#ownsFolder = options.ownsFolder;
  }

  /** A new user with a token of its own. */
  async user(name: string, role = "user"): Promise<TestUser> {
    await this.root.sql(`CREATE USER '${name}' WITH PASSWORD 'pass-word-${name}-1' ROLE ${role}`);
    return this.login(name, `pass-word-${name}-1`);
  }

  async login(name: string, password: string): Promise<TestUser> {
    return new TestUser(this.url, name, await loginToken(this.url, name, password));
  }

  get websocketUrl(): string {
    return `${this.url.replace("http", "ws")}/v1/ws`;
  }

  async stop(): Promise<void> {
    await this.#running.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.stop();
    if (this.#ownsFolder) await rm(this.folder, { recursive: true, force: true });
  }
}

export async function loginToken(url: string, user: string, password: string): Promise<string> {
  const response = await fetch(`${url}/v1/api/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user, password }),
  });
  const body = (await response.json()) as { access_token?: string };
  if (body.access_token === undefined)
    throw new Error(`login of ${user} failed: ${response.status} ${JSON.stringify(body)}`);
  return body.access_token;
}

/** Pass `folder` to start on an existing data folder (it is then left alone). */
export async function startTestServer(
  settings: Partial<SettingValues> = {},
  options: { readonly folder?: string; readonly log?: Log } = {},
): Promise<TestServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "kalamdb-test-")));
  const config = configOf({
    "server.port": 0,
    "storage.data_path": folder,
    "auth.root_password": ROOT_PASSWORD,
    ...settings,
  });
  const running = await startServer({ config, log: options.log ?? silentLog });
  const token = await loginToken(running.url, "root", ROOT_PASSWORD);
  return new TestServer(running, new TestUser(running.url, "root", token), {
    folder,
    ownsFolder: options.folder === undefined,
  });
}
