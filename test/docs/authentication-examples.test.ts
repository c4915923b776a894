// The exchanges of specs/authentication.md run in order against a real server. `$NAME` in an answer takes the value, in a request it gives it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { ROOT_PASSWORD, startTestServer, type TestServer } from "../support/test-server.ts";

const spec = await Bun.file(new URL("../../specs/authentication.md", import.meta.url)).text();
const exchanges = [...spec.matchAll(/```http\n([\s\S]*?)\n```/g)].map(
  (match, index) => [index + 1, match[1] ?? ""] as const,
);

const values = new Map([["ROOT_PASSWORD", ROOT_PASSWORD]]);
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function filled(text: string): string {
  return text.replace(/\$([A-Z_]+)/g, (_name, name: string) => values.get(name) ?? `no value for ${name}`);
}

/** The answer as it is, with what the example does not show left out and what it names remembered. */
function shown(actual: unknown, expected: unknown): unknown {
  if (typeof expected === "string" && expected.startsWith("$") && typeof actual === "string") {
    values.set(expected.slice(1), actual);
    return expected;
  }
  if (typeof expected !== "object" || expected === null || typeof actual !== "object" || actual === null) return actual;
  const fields: Record<string, unknown> = { ...actual };
  return Object.fromEntries(Object.entries(expected).map(([name, part]) => [name, shown(fields[name], part)]));
}

test("AU-02 the page has exchanges", () => {
  expect(exchanges.length).toBeGreaterThan(4);
});

test.each(exchanges)("AU-02 exchange %d is answered as it says", async (_index, text) => {
  const [request = "", answer = ""] = text.split("\n=> ");
  const [first = "", ...lines] = request.trim().split("\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = lines.filter((line) => !line.startsWith("{")).map((line) => filled(line).split(": ", 2));
  const body = lines.find((line) => line.startsWith("{"));
  const response = await fetch(server.url + path, {
    method,
    headers: { "content-type": "application/json", ...Object.fromEntries(headers) },
    ...(body === undefined ? {} : { body: filled(body) }),
  });
  const expected: unknown = JSON.parse(answer.slice(4));
  expect(`${response.status}`).toBe(answer.slice(0, 3));
  expect(shown(await response.json(), expected)).toEqual(expected);
});
