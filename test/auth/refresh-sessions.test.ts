// AU-01 refresh rotation: the pure verdict, and what accounts make of it over logins, lost answers, thieves and logouts.
import { beforeEach, describe, expect, test } from "bun:test";
import { judgeRefresh, MAX_SESSIONS_PER_USER, REPEAT_WINDOW_MS, withSession } from "../../src/auth/refresh-sessions.ts";
import type { RefreshSession } from "../../src/model/user.ts";
import { addUser, codeOf, newWorld, PASSWORD, START_MS, storedUser, type World } from "./fixture.ts";

const HOUR_MS = 3_600_000;

function session(overrides: Partial<RefreshSession> = {}): RefreshSession {
  return { id: "s", generation: 3, rotatedAtMs: START_MS, expiresAtMs: START_MS + HOUR_MS, ...overrides };
}

describe("AU-01 the verdict on a refresh token", () => {
  test.each<[string, number, number, string]>([
    ["the newest one moves the session on", 3, 0, "rotate"],
    ["the one before it, at once: the answer was lost or two tabs asked", 2, 0, "repeat"],
    ["the one before it, at the end of the window", 2, REPEAT_WINDOW_MS, "repeat"],
    ["the one before it, later: two have the session", 2, REPEAT_WINDOW_MS + 1, "reuse"],
    ["an older one, however soon", 1, 0, "reuse"],
    ["one from the future was never issued", 4, 0, "reuse"],
    ["a clock that went back tells nothing of the window", 2, -1, "reuse"],
  ])("%s", (_why, generation, afterMs, kind) => {
    expect(judgeRefresh([session()], { session: "s", generation }, START_MS + afterMs).kind).toBe(kind as never);
  });

  test("a session nobody knows", () => {
    expect(judgeRefresh([session()], { session: "t", generation: 0 }, START_MS).kind).toBe("unknown");
  });
});

test("AU-01 sessions are bounded: expired ones go first, then the one unused for longest", () => {
  let sessions: readonly RefreshSession[] = [session({ id: "expired", expiresAtMs: START_MS })];
  for (let index = 0; index <= MAX_SESSIONS_PER_USER; index++) {
    sessions = withSession(sessions, session({ id: `${index}`, rotatedAtMs: START_MS + index }), START_MS);
  }
  expect(sessions).toHaveLength(MAX_SESSIONS_PER_USER);
  expect(sessions.map(({ id }) => id)).not.toContain("expired");
  expect(sessions.map(({ id }) => id)).not.toContain("0");
  expect(sessions.map(({ id }) => id)).toContain("1");
});

describe("AU-01 refresh", () => {
  let world: World;
  beforeEach(async () => {
    world = await newWorld();
    await addUser(world, "alice");
  });

  async function login(): Promise<string> {
    return (await world.accounts.login({ user: "alice", password: PASSWORD, isLoopback: false })).tokens.refreshToken;
  }
  async function refreshed(token: string): Promise<string> {
    return (await world.accounts.refresh(token)).tokens.refreshToken;
  }

  test("each answer's token works for the next, for as long as one likes", async () => {
    let token = await login();
    for (let round = 0; round < 5; round++) {
      world.clock.advance(HOUR_MS);
      token = await refreshed(token);
    }
    expect(storedUser(world, "alice").sessions).toMatchObject([{ generation: 5 }]);
  });

  test("two tabs that refresh at once both go on", async () => {
    const token = await login();
    const [one, two] = await Promise.all([refreshed(token), refreshed(token)]);
    world.clock.advance(REPEAT_WINDOW_MS + 1);
    expect(await codeOf(world.accounts.refresh(one))).toBe("ok");
    expect(await codeOf(world.accounts.refresh(two))).toBe("ok");
    expect(world.revoked).toEqual([]);
  });

  test("a stolen token ends every session of the user, for the thief as well", async () => {
    const stolen = await login();
    const other = await login();
    const thiefs = await refreshed(stolen);
    world.clock.advance(REPEAT_WINDOW_MS + 1);
    expect(await codeOf(world.accounts.refresh(stolen))).toBe("INVALID_CREDENTIALS");
    expect(world.revoked).toEqual([[storedUser(world, "alice").id, "refresh token reused"]]);
    for (const token of [thiefs, other]) {
      expect(await codeOf(world.accounts.refresh(token))).toBe("INVALID_CREDENTIALS");
    }
    expect(await codeOf(world.accounts.refresh(await login()))).toBe("ok");
  });

  test("logout forgets the sessions", async () => {
    const token = await login();
    await world.accounts.logout({ access: undefined, refresh: token });
    expect(storedUser(world, "alice").sessions).toEqual([]);
    expect(await codeOf(world.accounts.refresh(token))).toBe("INVALID_CREDENTIALS");
  });

  test("a refresh whose record cannot be written fails, and the token is as good as before", async () => {
    const token = await login();
    world.store.isFull = true;
    expect(await codeOf(world.accounts.refresh(token))).not.toBe("ok");
    world.store.isFull = false;
    expect(await codeOf(world.accounts.refresh(token))).toBe("ok");
  });
});
