// The two sides of a comparison as the cases see them: a running process with a port, a token, and the CPU time it has used.
import { readFileSync } from "node:fs";
import { SignJWT } from "jose";
import { ServerProcess } from "../../test/support/server-process.ts";
import { loginToken, TestUser } from "../../test/support/test-server.ts";
import { type ProbeOptions, startCeiling } from "./child-process.ts";
import { SCHEMA, type Target } from "./workload.ts";

export interface Side extends AsyncDisposable {
  readonly target: Target;
  readonly pid: number;
}

/** Limits that protect a server from its users are not what is measured. */
export const UNLIMITED: Readonly<Record<string, string>> = {
  KALAMDB_RATE_LIMIT_MAX_QUERIES_PER_SEC: "1000000000",
  KALAMDB_RATE_LIMIT_MAX_MESSAGES_PER_SEC: "1000000000",
  KALAMDB_RATE_LIMIT_MAX_SUBSCRIPTIONS_PER_USER: "1000000",
  KALAMDB_RATE_LIMIT_MAX_SUBSCRIPTIONS_PER_CONNECTION: "1000000",
  KALAMDB_RATE_LIMIT_AUTH_REQUESTS_PER_IP_PER_SEC: "1000000",
};

export async function openCeilingSide(options?: ProbeOptions): Promise<Side> {
  const ceiling = await startCeiling(options);
  return {
    target: { kind: "ceiling", port: portOf(ceiling.url), token: "root" },
    pid: ceiling.pid,
    [Symbol.asyncDispose]: () => ceiling[Symbol.asyncDispose](),
  };
}

export class ServerSide implements Side {
  readonly target: Target;
  readonly pid: number;
  readonly root: TestUser;
  readonly #process: ServerProcess;
  readonly #secret: string;

  private constructor(process: ServerProcess, root: TestUser, secret: string) {
    this.#process = process;
    this.#secret = secret;
    this.pid = process.pid;
    this.root = root;
    this.target = { kind: "server", port: portOf(process.url), token: root.token };
  }

  /** A server on a fresh folder with the benchmark's tables. */
  static async open({ env, ...options }: ProbeOptions = {}): Promise<ServerSide> {
    const secret = crypto.randomUUID() + crypto.randomUUID();
    const process = await ServerProcess.start({
      ...options,
      env: { ...UNLIMITED, KALAMDB_JWT_SECRET: secret, ...env },
    });
    const root = new TestUser(process.url, "root", await loginToken(process.url, "root", process.password));
    for (const sql of SCHEMA) await root.sql(sql);
    return new ServerSide(process, root, secret);
  }

  /** A user by a token that `createUsers` gave. */
  as(token: string): TestUser {
    return new TestUser(this.#process.url, "", token);
  }

  /** Tokens of new users. They are signed here: a thousand logins would take half a minute of password hashing. */
  async createUsers(count: number): Promise<string[]> {
    const names = await createUsers(this.root, count);
    return Promise.all(names.map((name) => signToken(name, this.#secret)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}

const CREATING_AT_ONCE = 16;

/** Gives their names. */
export async function createUsers(root: TestUser, count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => `user-${index}`);
  for (let at = 0; at < names.length; at += CREATING_AT_ONCE) {
    const some = names.slice(at, at + CREATING_AT_ONCE);
    await Promise.all(some.map((name) => root.sql(`CREATE USER '${name}' WITH PASSWORD '${crypto.randomUUID()}'`)));
  }
  return names;
}

/** What a server of that secret takes for the user's own. */
export function signToken(user: string, secret: string): Promise<string> {
  return new SignJWT({ email: null, role: "user", token_type: "access", iat_ms: Date.now() })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuer("kalamdb")
    .setIssuedAt()
    .setExpirationTime("2h")
    .setJti(crypto.randomUUID())
    .sign(new TextEncoder().encode(secret));
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}

const CLOCK_TICKS_PER_SECOND = 100;

/** CPU seconds of all the threads of a process, its children not included. Linux only; NaN elsewhere. */
export function cpuSeconds(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The command's name stands in brackets and may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
  } catch {
    // No such file system, or the process has ended.
    return Number.NaN;
  }
}
