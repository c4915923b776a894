// A server process that ends itself at a step of a plan (kill-plan.ts), as tests start it.
import { join } from "node:path";
import { createClient, type KalamClient } from "../../src/link/index.ts";
import { ROOT_PASSWORD } from "../support/test-server.ts";

const CHILD = join(import.meta.dir, "killing-server.ts");

export interface KilledServer {
  readonly process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly ready: Promise<void>;
}

export function startKilledServer(
  folder: string,
  port: number,
  plan: { readonly step: string; readonly hit: number },
): KilledServer {
  const child = Bun.spawn([process.execPath, CHILD, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, CRASH_FOLDER: folder, CRASH_STEP: plan.step, CRASH_HIT: String(plan.hit) },
  });
  const ready = (async () => {
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("ready")) return;
    throw new Error("the server did not start");
  })();
  return { process: child, ready };
}

export function clientAt(port: number): KalamClient {
  return createClient({ url: `http://127.0.0.1:${port}`, auth: { user: "root", password: ROOT_PASSWORD } });
}
