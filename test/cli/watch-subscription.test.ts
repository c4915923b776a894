// A live query on a terminal that the test holds: what happens at the bound of what may wait.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Session } from "../../src/cli/session.ts";
import type { Key, Terminal } from "../../src/cli/terminal.ts";
import { watchSubscription } from "../../src/cli/watch-subscription.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";
import { sessionOn } from "./test-session.ts";

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE chat");
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

/** What is written can be waited for; keys are pressed by the test. */
class HeldTerminal implements Terminal {
  readonly isInput = true;
  readonly isOutput = true;
  readonly isError = true;
  readonly columns = 80;
  readonly rows = 24;
  text = "";
  writes = 0;
  #listener: ((key: Key) => void) | undefined;
  #changed = Promise.withResolvers<void>();

  write(text: string): Promise<void> {
    this.text += text;
    this.writes += 1;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
    return Promise.resolve();
  }

  writeError(text: string): Promise<void> {
    return this.write(text);
  }

  readKeys(listener: (key: Key) => void): Disposable {
    this.#listener = listener;
    return { [Symbol.dispose]: () => undefined };
  }

  onInterrupt(): Disposable {
    return { [Symbol.dispose]: () => undefined };
  }

  onResize(): Disposable {
    return this.onInterrupt();
  }

  readAll(): Promise<string> {
    return Promise.resolve("");
  }

  press(text: string): void {
    this.#listener?.({ text, name: text, ctrl: false, meta: false, shift: false });
  }

  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.text)) await this.#changed.promise;
  }
}

function csvSession(terminal: Terminal): Session {
  return sessionOn(terminal, { url: server.url, token: server.root.token, isInteractive: true, format: "csv" });
}

test("CL-03 more changes than may wait during a pause come again from the server, each once and in order", async () => {
  await server.root.sql("CREATE SHARED TABLE chat.waiting (id INT PRIMARY KEY)");
  const terminal = new HeldTerminal();
  using session = csvSession(terminal);
  const [answer] = await session.client.batch("SUBSCRIBE TO SELECT id FROM chat.waiting");
  const watching = watchSubscription(answer, session, { maxWaitingRows: 10 });
  await terminal.until(/space pauses/);
  terminal.press("p");
  for (let id = 1; id <= 50; id++) await server.root.sql(`INSERT INTO chat.waiting VALUES (${id})`);
  terminal.press("p");
  await terminal.until(/,50\n/);
  terminal.press("q");
  await watching;
  const shown = [...terminal.text.matchAll(/^(?:insert|snapshot),(\d+)$/gm)].map(([, id]) => Number(id));
  expect(shown).toEqual(Array.from({ length: 50 }, (_none, index) => index + 1));
  expect(terminal.text).toContain("more changes came than are kept waiting");
});

test("CL-03 many changes of one commit are few writes to the terminal", async () => {
  await server.root.sql("CREATE SHARED TABLE chat.burst (id INT PRIMARY KEY)");
  const terminal = new HeldTerminal();
  using session = csvSession(terminal);
  const [answer] = await session.client.batch("SUBSCRIBE TO SELECT id FROM chat.burst");
  const watching = watchSubscription(answer, session);
  await terminal.until(/space pauses/);
  const before = terminal.writes;
  await server.root.sql(
    `INSERT INTO chat.burst VALUES ${Array.from({ length: 1000 }, (_none, id) => `(${id})`).join(", ")}`,
  );
  await terminal.until(/insert,999\n/);
  expect(terminal.writes - before).toBeLessThan(20);
  terminal.press("q");
  await watching;
});
