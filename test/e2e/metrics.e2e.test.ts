// GET /metrics: the text format, the numbers behind it, who may read it, and its documentation.
import { expect, test } from "bun:test";
import { createClient } from "../../src/link/index.ts";
import { startTestServer, type TestServer } from "../support/test-server.ts";

interface Sample {
  readonly kind: string;
  readonly help: string;
  readonly value: number;
}

async function scrape(server: TestServer, token?: string): Promise<Response> {
  return fetch(`${server.url}/metrics`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } });
}

/** Refuses what is not the format: every sample has its HELP and TYPE before it. */
async function samples(server: TestServer): Promise<ReadonlyMap<string, Sample>> {
  const response = await scrape(server, server.root.token);
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
  ]);
  const text = await response.text();
  expect(text.endsWith("\n")).toBe(true);
  const found = new Map<string, Sample>();
  const lines = text.trimEnd().split("\n");
  for (let at = 0; at < lines.length; at += 3) {
    const [, name = "", help = ""] = /^# HELP ([a-z_]+) (.+)$/.exec(lines[at] ?? "") ?? [];
    const [, kind = ""] = new RegExp(`^# TYPE ${name} (counter|gauge)$`).exec(lines[at + 1] ?? "") ?? [];
    const [, value = ""] =
      new RegExp(`^${name}(?:\\{version="[^"]+"\\})? ([0-9.e+-]+)$`).exec(lines[at + 2] ?? "") ?? [];
    expect([name, kind, value]).not.toContain("");
    expect(kind === "counter").toBe(name.endsWith("_total"));
    found.set(name, { kind, help, value: Number(value) });
  }
  return found;
}

test("OP-02 metrics count what happens, in Prometheus' text format", async () => {
  await using server = await startTestServer();
  const before = await samples(server);
  await server.root.sql("CREATE NAMESPACE n; CREATE USER TABLE n.t (id BIGINT PRIMARY KEY, v INT)");
  await using client = createClient({ url: server.url, auth: { token: server.root.token } });
  const one = client.live("SELECT * FROM n.t WHERE v = 1");
  const two = client.live("SELECT * FROM n.t WHERE id IN (SELECT v FROM n.t)");
  await Promise.all([one.ready, two.ready]);
  await server.root.sql("INSERT INTO n.t (id, v) VALUES (1, 1), (2, 1), (3, 3)");
  while (one.size < 2 || two.size < 2) await Bun.sleep(2);
  const after = await samples(server);
  const grown = (name: string): number =>
    (after.get(name)?.value ?? Number.NaN) - (before.get(name)?.value ?? Number.NaN);
  expect({
    sockets: grown("kalamdb_sockets"),
    connections: grown("kalamdb_live_connections"),
    subscriptions: grown("kalamdb_live_subscriptions"),
    groups: grown("kalamdb_live_groups"),
    rerunRows: grown("kalamdb_live_rerun_rows"),
    changes: grown("kalamdb_writes_changes_total"),
    tables: grown("kalamdb_tables"),
  }).toEqual({ sockets: 1, connections: 1, subscriptions: 2, groups: 2, rerunRows: 2, changes: 3, tables: 1 });
  expect(grown("kalamdb_writes_commits_total")).toBeGreaterThan(0);
  expect(grown("kalamdb_plan_cache_misses_total")).toBeGreaterThan(0);
  const stats = new Map((await server.root.rows("SELECT * FROM system.stats")).map(([name, value]) => [name, value]));
  expect(stats.get("active_subscriptions")).toBe("2");
  expect(stats.get("live_rerun_rows")).toBe("2");
});

test("OP-02 AU-04 only administrators read metrics, unless a setting opens them", async () => {
  await using server = await startTestServer();
  const user = await server.user("ann");
  expect((await scrape(server)).status).toBe(401);
  expect((await scrape(server, "no token")).status).toBe(401);
  const refused = await scrape(server, user.token);
  expect([refused.status, ((await refused.json()) as { error: { code: string } }).error.code]).toEqual([
    403,
    "PERMISSION_DENIED",
  ]);
  expect((await fetch(`${server.url}/metrics`, { method: "POST" })).status).toBe(405);
  await using open = await startTestServer({ "metrics.access": "public" });
  expect((await scrape(open)).status).toBe(200);
});

test("OP-02 specs/operations.md documents every metric, with its type and meaning", async () => {
  await using server = await startTestServer();
  const text = await Bun.file(`${import.meta.dir}/../../specs/operations.md`).text();
  const documented = [...text.matchAll(/^\| `([a-z_]+)` \| (counter|gauge) \| (.+) \|$/gm)].map(
    ([, name, kind, help]) => [name, kind, help],
  );
  expect(documented).toEqual([...(await samples(server))].map(([name, { kind, help }]) => [name, kind, help]));
});
