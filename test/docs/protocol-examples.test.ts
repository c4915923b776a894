// The messages of specs/protocol.md that hold nothing made up by the server come from a real one byte for byte.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startTestServer, type TestServer, type TestUser } from "../support/test-server.ts";

const spec = await Bun.file(new URL("../../specs/protocol.md", import.meta.url)).text();

const EXAMPLES = [...spec.matchAll(/```json down\n([\s\S]*?)```/g)].flatMap((match) =>
  (match[1] ?? "").trim().split("\n"),
);

let server: TestServer;
let alice: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  await server.root.sql("CREATE NAMESPACE chat; CREATE USER TABLE chat.messages (id BIGINT PRIMARY KEY, body TEXT)");
  alice = await server.user("alice");
});

afterAll(() => server[Symbol.asyncDispose]());

/** Sends the messages one by one, each after the answer to the one before, and gives the answers. */
async function answers(messages: readonly object[]): Promise<string[]> {
  const socket = new WebSocket(`${server.websocketUrl}?compress=false`);
  const { promise: opened, resolve: open, reject } = Promise.withResolvers<void>();
  socket.addEventListener("open", () => open());
  socket.addEventListener("error", () => reject(new Error("the socket failed")));
  await opened;
  const received: string[] = [];
  for (const message of messages) {
    const { promise: answered, resolve: answer } = Promise.withResolvers<MessageEvent<string>>();
    socket.addEventListener("message", answer, { once: true });
    socket.send(JSON.stringify(message));
    received.push(String((await answered).data));
  }
  socket.close();
  return received;
}

const authenticate = (version: number, token: string) => ({
  type: "authenticate",
  method: "jwt",
  token,
  protocol: { version, serialization: "json", compression: "none" },
});

const subscribe = (sql: string) => ({ type: "subscribe", subscription: { id: "s1", sql } });

test("CL-02 a bad token is answered as the example says", async () => {
  const [refused = ""] = await answers([authenticate(2, "no.such.token")]);
  expect(EXAMPLES).toContain(refused);
});

test("CL-02 peer: an unknown table is answered as the example says", async () => {
  const [, error = ""] = await answers([authenticate(1, alice.token), subscribe("SELECT * FROM chat.nope")]);
  expect(EXAMPLES).toContain(error);
});

test("CL-01 native: login, errors, pong and unsubscribe are answered as the examples say", async () => {
  const received = await answers([
    authenticate(2, alice.token),
    subscribe("SELECT boddy FROM chat.messages"),
    { type: "ping" },
    subscribe("SELECT id, body FROM chat.messages"),
    { type: "unsubscribe", subscription_id: "s1" },
  ]);
  const [success, error, pong, ack = "", unsubscribed] = received;
  expect([success, error, pong, unsubscribed].filter((text) => !EXAMPLES.includes(text ?? ""))).toEqual([]);
  // Channel and epoch are the server's; the rest of the ack is the example's.
  const example = EXAMPLES.find((text) => text.includes('"subscription_ack"') && text.includes('"channel"')) ?? "";
  expect({ ...JSON.parse(ack), channel: 0, epoch: "" }).toEqual({ ...JSON.parse(example), channel: 0, epoch: "" });
});
