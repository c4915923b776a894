// What the client's tests begin with: a scripted server, a client of it, and a way to read a number of events.
import { type ClientOptions, createClient, type KalamClient, type SubscriptionEvent } from "../../src/link/index.ts";
import { type Script, type ScriptedServer, startScriptedServer } from "./scripted-server.ts";

export const SQL = "SELECT * FROM chat.messages";
export const FAST = { initialDelayMs: 5, maxDelayMs: 20 };

export function setup(
  script: Script,
  options: Partial<ClientOptions> = {},
): AsyncDisposable & { server: ScriptedServer; client: KalamClient } {
  const server = startScriptedServer(script);
  const client = createClient({ url: server.url, auth: { token: "t1" }, reconnect: FAST, ...options });
  return {
    server,
    client,
    async [Symbol.asyncDispose]() {
      client.disconnect();
      await server[Symbol.asyncDispose]();
    },
  };
}

export async function take(events: AsyncIterable<SubscriptionEvent>, count: number): Promise<SubscriptionEvent[]> {
  const taken: SubscriptionEvent[] = [];
  const iterator = events[Symbol.asyncIterator]();
  while (taken.length < count) {
    const { done, value } = await iterator.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}
