// The server of a simulation: its own process, with bounds so low that they are reached, and a fault planted in it when one is asked for.
import { ServerProcess } from "../support/server-process.ts";
import { FAULT_VARIABLE, type FaultName } from "./faults.ts";

export const PASSWORD = "a-password-for-the-simulator";
/** Known here, so that tokens can be signed that live as long as the schedule wants. */
export const JWT_SECRET = "a-secret-that-only-the-simulator-has-0123456789";
const PLANT_FAULT = new URL("plant-fault.ts", import.meta.url).pathname;
/** Slow consumers are part of the schedule: that one was closed is not worth a line. */
const LOG_LEVEL = "error";

const ENVIRONMENT = {
  // A killed process loses nothing in either mode; waiting for the disk would only make the schedule slower.
  KALAMDB_STORAGE_DURABILITY: "normal",
  KALAMDB_LIVE_MAX_HELD_CHANGES: "6",
  KALAMDB_LIVE_BACKPRESSURE_LIMIT_BYTES: "524288",
  KALAMDB_RATE_LIMIT_AUTH_REQUESTS_PER_IP_PER_SEC: "1000000",
  KALAMDB_JWT_SECRET: JWT_SECRET,
  KALAMDB_SHUTDOWN_TIMEOUT_MS: "2000",
};

export function startServer(folder: string, port: number, fault: FaultName | undefined): Promise<ServerProcess> {
  const options = { folder, password: PASSWORD, env: ENVIRONMENT, port, logLevel: LOG_LEVEL } as const;
  if (fault === undefined) return ServerProcess.start(options);
  return ServerProcess.start({ ...options, env: { ...ENVIRONMENT, [FAULT_VARIABLE]: fault }, preload: PLANT_FAULT });
}
