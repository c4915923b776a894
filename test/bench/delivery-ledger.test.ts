import { expect, test } from "bun:test";
import { DeliveryLedger } from "../../bench/load/delivery-ledger.ts";
import { runPaced } from "../../bench/load/paced-task.ts";
import { startTestServer } from "../support/test-server.ts";

function ledgerOf(messages: number): DeliveryLedger {
  const ledger = new DeliveryLedger({
    firstId: 100,
    messages,
    users: 2,
    startedAt: 0,
    storyOf: (user) => `story of ${user}`,
  });
  for (let index = 0; index < messages; index += 1) ledger.due(index, index);
  return ledger;
}

const ACKNOWLEDGED = { kind: "acknowledged", body: '{"results":[{"row_count":1,"seq":"77"}]}' } as const;
const REFUSED = { kind: "refused" } as const;

test("a delivery before or after its acknowledgement completes a write", () => {
  const ledger = ledgerOf(2);
  ledger.sent(0, 1);
  ledger.sent(1, 1);
  expect(ledger.answered(0, 5, ACKNOWLEDGED)).toBe(5);
  expect(ledger.arrived(1, 6)).toBe(5);
  expect(ledger.isComplete).toBe(false);
  ledger.answered(1, 7, ACKNOWLEDGED);
  expect(ledger.arrived(0, 8)).toBe(8);
  expect(ledger.arrived(0, 9)).toBeUndefined();
  expect([ledger.isComplete, ledger.faults()]).toEqual([true, []]);
});

test("a lost delivery is told with its write, its position and what its subscriber saw", () => {
  const ledger = ledgerOf(2);
  ledger.sent(0, 3);
  ledger.sent(1, 4);
  ledger.answered(0, 5, ACKNOWLEDGED);
  ledger.arrived(0, 5);
  ledger.answered(1, 9, ACKNOWLEDGED);
  expect(ledger.isComplete).toBe(false);
  expect(ledger.faults()).toEqual([
    "of 2 writes: 1 acknowledged and lost",
    "lost: row 101 of user 1, due at 1 ms, sent at 4 ms, acknowledged at 9 ms with seq 77; its subscriber: story of 1",
  ]);
});

test("what the server never had, never answered or refused is not called lost", () => {
  const ledger = ledgerOf(4);
  ledger.sent(0, 1);
  ledger.sent(1, 1);
  ledger.sent(2, 1);
  ledger.answered(0, 2, REFUSED);
  ledger.answered(1, 2, ACKNOWLEDGED);
  ledger.arrived(1, 3);
  expect(ledger.isComplete).toBe(false);
  expect(ledger.faults()).toEqual(["of 4 writes: 1 never sent, 1 sent and never answered, 1 refused"]);
});

test("a refused write is not waited for, and may have been stored: its row can come", () => {
  const ledger = ledgerOf(2);
  for (const index of [0, 1]) {
    ledger.sent(index, 1);
    ledger.answered(index, 2, REFUSED);
  }
  expect(ledger.isComplete).toBe(true);
  expect(ledger.arrived(1, 3)).toBe(2);
  expect(ledger.acknowledged).toBe(0);
});

test("a paced run against a server accounts for every write: each reaches its own writer's subscriber", async () => {
  await using server = await startTestServer();
  await server.root.sql(
    "CREATE NAMESPACE bench; CREATE USER TABLE bench.own (id BIGINT PRIMARY KEY, room TEXT NOT NULL, body TEXT NOT NULL)",
  );
  const users = await Promise.all(["ann", "bob", "cyn"].map((name) => server.user(name)));
  const result = await runPaced({
    kind: "paced",
    target: { kind: "server", port: Number(new URL(server.url).port), token: server.root.token },
    operation: "insert-own",
    tokens: users.map(({ token }) => token),
    ratePerSecond: 100,
    durationMs: 300,
    firstId: 1_000,
  });
  expect({ deliveries: result.deliveries, faults: result.faults }).toEqual({ deliveries: 30, faults: [] });
});
