// Order, bounds and recovery of the gates that make logins wait their turn.
import { expect, test } from "bun:test";
import { Gate, KeyedGate } from "../../src/auth/gate.ts";
import { codeOf } from "./fixture.ts";

/** Work that ends when told to. */
function held(): { work: () => Promise<void>; end: () => void; fail: () => void } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { work: () => promise, end: () => resolve(), fail: () => reject(new Error("failed")) };
}

test("AU-04 a gate runs at most its number at once and the rest in order", async () => {
  const gate = new Gate({ concurrent: 2, waiting: 10 });
  let running = 0;
  let most = 0;
  const started: number[] = [];
  await Promise.all(
    Array.from({ length: 8 }, (_unused, index) =>
      gate.run(async () => {
        started.push(index);
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
      }),
    ),
  );
  expect(most).toBe(2);
  expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
});

test("AU-04 work that fails gives its place back", async () => {
  const gate = new Gate({ concurrent: 1, waiting: 1 });
  const first = held();
  const failing = gate.run(first.work).catch(() => "failed");
  const second = codeOf(gate.run(async () => undefined));
  expect(await codeOf(gate.run(async () => undefined))).toBe("SERVER_BUSY");
  first.fail();
  expect(await failing).toBe("failed");
  expect(await second).toBe("ok");
  expect(await codeOf(gate.run(async () => undefined))).toBe("ok");
});

test("AU-04 a keyed gate keeps one key waiting and lets others pass, and forgets idle keys", async () => {
  const gates = new KeyedGate({ waiting: 1 });
  const first = held();
  const a1 = gates.run("a", first.work);
  const order: string[] = [];
  const a2 = gates.run("a", async () => {
    order.push("a2");
  });
  expect(await codeOf(gates.run("a", async () => undefined))).toBe("SERVER_BUSY");
  await gates.run("b", async () => {
    order.push("b");
  });
  first.end();
  await Promise.all([a1, a2]);
  expect(order).toEqual(["b", "a2"]);
  expect(gates.size).toBe(0);
});
