// The server of a simulation: its own process in a folder of its own, with bounds so low that they are reached, and a fault planted in it when one is
// asked for. Keeps the end of its log.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../support/free-port.ts";
import { ServerProcess } from "../support/server-process.ts";
import { FAULT_VARIABLE, type FaultName } from "./faults.ts";
import { Recent } from "./recent.ts";
import { TROUBLE_VARIABLE } from "./trouble.ts";

export const PASSWORD = "a-password-for-the-simulator";
/** Known here, so that tokens can be signed that live as long as the schedule wants. */
export const JWT_SECRET = "a-secret-that-only-the-simulator-has-0123456789";
const PROGRAM = new URL("troubled-server.ts", import.meta.url).pathname;
const PLANT_FAULT = new URL("plant-fault.ts", import.meta.url).pathname;
const LOG_LINES = 150;

const ENVIRONMENT = {
  // A killed process loses nothing in either mode; waiting for the disk would only make the schedule slower.
  KALAMDB_STORAGE_DURABILITY: "normal",
  KALAMDB_LIVE_MAX_HELD_CHANGES: "6",
  KALAMDB_LIVE_BACKPRESSURE_LIMIT_BYTES: "524288",
  KALAMDB_RATE_LIMIT_AUTH_REQUESTS_PER_IP_PER_SEC: "1000000",
  KALAMDB_JWT_SECRET: JWT_SECRET,
  KALAMDB_SHUTDOWN_TIMEOUT_MS: "2000",
};

export class SimulatedServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #start: (port: number) => Promise<ServerProcess>;
  readonly #log: Recent<string>;
  #process: ServerProcess;

  private constructor(
    folder: string,
    log: Recent<string>,
    running: { readonly first: ServerProcess; readonly start: (port: number) => Promise<ServerProcess> },
  ) {
    this.#folder = folder;
    this.#log = log;
    this.#start = running.start;
    this.#process = running.first;
  }

  static async open(fault: FaultName | undefined): Promise<SimulatedServer> {
    const folder = await mkdtemp(join(tmpdir(), "kalamdb-simulator-"));
    await mkdir(troubleFolderOf(folder));
    const log = new Recent<string>(LOG_LINES);
    const start = (port: number): Promise<ServerProcess> => launch({ folder, port, fault, log });
    try {
      return new SimulatedServer(folder, log, { first: await start(await freePort()), start });
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The same after every start. */
  get url(): string {
    return this.#process.url;
  }

  /** See `trouble.ts`. */
  get troubleFolder(): string {
    return troubleFolderOf(this.#folder);
  }

  /** The end of what it wrote, oldest first. */
  get log(): readonly string[] {
    return this.#log.items();
  }

  async stop(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    await this.#process.end(signal);
    this.#log.add(`--- ended by ${signal}`);
  }

  async startAgain(): Promise<void> {
    this.#process = await this.#start(Number(new URL(this.url).port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.end("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }
}

interface Launch {
  readonly folder: string;
  readonly port: number;
  readonly fault: FaultName | undefined;
  readonly log: Recent<string>;
}

function launch({ folder, port, fault, log }: Launch): Promise<ServerProcess> {
  const onLog = (line: string): void => log.add(line);
  const env = { ...ENVIRONMENT, [TROUBLE_VARIABLE]: troubleFolderOf(folder) };
  const options = { folder, password: PASSWORD, port, logLevel: "debug", onLog, program: PROGRAM } as const;
  if (fault === undefined) return ServerProcess.start({ ...options, env });
  return ServerProcess.start({ ...options, env: { ...env, [FAULT_VARIABLE]: fault }, preload: PLANT_FAULT });
}

function troubleFolderOf(folder: string): string {
  return join(folder, "trouble");
}
