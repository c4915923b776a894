import { expect, test } from "bun:test";
import { ApiKeys } from "../../src/auth/api-keys.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { apiKeyStoreOf } from "../../src/server/user-store.ts";
import { addUser, newWorld } from "../auth/fixture.ts";
import { openTestStore } from "../storage/open-test-store.ts";

test("AU-06 a key that is used while its DROP is being committed stays dropped, also after a restart", async () => {
  const world = await newWorld();
  await addUser(world, "robot", "service");
  await using store = openTestStore();
  const keys = new ApiKeys({
    store: apiKeyStoreOf(store.current),
    user: (id) => world.store.user(id),
    clock: world.clock,
    log: silentLog,
    onDropped: () => undefined,
  });
  const robot = { user: parseUserId("robot"), role: "service" } as const;
  const { record, text } = await keys.create(robot, {
    name: "nightly",
    user: undefined,
    role: undefined,
    expiresAtMs: undefined,
  });
  const dropped = keys.drop(robot, { name: "nightly", user: undefined, ifExists: false });
  keys.verify(text);
  await dropped;
  await store.current.writer.submit(() => undefined);
  expect(store.current.catalog.apiKey(record.id)).toBeUndefined();
  expect(() => keys.verify(text)).toThrow(expect.objectContaining({ code: "INVALID_CREDENTIALS" }));
  expect((await store.reopen()).catalog.apiKey(record.id)).toBeUndefined();
});
