// Login, lockout and revocation, with real hashing and real tokens.
import { describe, expect, test } from "bun:test";
import { Accounts } from "../../src/auth/accounts.ts";
import { LOCK_MS } from "../../src/auth/lockout.ts";
import { Passwords } from "../../src/auth/password.ts";
import { parseUserId } from "../../src/base/ids.ts";
import { silentLog } from "../../src/base/log.ts";
import { configOf } from "../../src/config/config.ts";
import { addUser, codeOf, newWorld, PASSWORD, storedUser, type World } from "./fixture.ts";

function login(world: World, user: string, password: string = PASSWORD, isLoopback = false) {
  return world.accounts.login({ user, password, isLoopback });
}

function messageOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(() => "ok", String);
}

async function failTimes(world: World, user: string, times: number): Promise<void> {
  for (let n = 0; n < times; n++) expect(await codeOf(login(world, user, "wrong"))).toBe("INVALID_CREDENTIALS");
}

describe("AU-02 login", () => {
  test("a right password gives a session and records the login", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    world.clock.advance(5);
    const session = await login(world, "alice");
    expect(session.user.id).toBe(parseUserId("alice"));
    expect(storedUser(world, "alice").lastLoginAtMs).toBe(world.clock.nowMs());
    const token = await world.accounts.authenticate(session.tokens.accessToken);
    expect(world.accounts.account(token).id).toBe(parseUserId("alice"));
  });

  test("a wrong password, an unknown, a dropped, an empty and an impossible user fail alike", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const gone = await addUser(world, "gone");
    await world.accounts.dropUser("system", gone);
    const attempts: [string, string][] = [
      ["alice", "wrong"],
      ["alice", ""],
      ["nobody", PASSWORD],
      ["gone", PASSWORD],
      ["", PASSWORD],
      ["../alice", PASSWORD],
      ["ALICE", PASSWORD],
    ];
    const failures = new Set<string>();
    for (const [user, password] of attempts) {
      const error: unknown = await login(world, user, password).catch((caught: unknown) => caught);
      failures.add(error instanceof Error ? `${"code" in error ? String(error.code) : ""} ${error.message}` : "none");
    }
    expect([...failures]).toEqual(["INVALID_CREDENTIALS Invalid credentials"]);
  });

  test("every failure takes exactly one password check, whether the user exists or not", async () => {
    class CountingPasswords extends Passwords {
      checks: string[] = [];
      override verify(password: string, hash: string): Promise<boolean> {
        this.checks.push(hash);
        return super.verify(password, hash);
      }
    }
    const world = await newWorld();
    await addUser(world, "alice");
    const passwords = new CountingPasswords();
    const { store, tokens, clock } = world;
    const accounts = new Accounts({
      store,
      tokens,
      clock,
      passwords,
      config: configOf().auth,
      log: silentLog,
      onRevoked: () => undefined,
    });
    for (const user of ["alice", "nobody", "", "a/b"]) {
      await codeOf(accounts.login({ user, password: "wrong", isLoopback: false }));
    }
    expect(passwords.checks.length).toBe(4);
  });

  test("a full disk does not keep out a user whose record needs no reset", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await addUser(world, "bob");
    await failTimes(world, "bob", 1);
    world.store.isFull = true;
    expect(await codeOf(login(world, "alice"))).toBe("ok");
    expect(await codeOf(login(world, "bob"))).not.toBe("ok");
  });
});

describe("AU-02 lockout", () => {
  test("five wrong passwords lock the account for 15 minutes, even for the right one", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await failTimes(world, "alice", 5);
    expect(await codeOf(login(world, "alice"))).toBe("ACCOUNT_LOCKED");
    expect(await messageOf(login(world, "alice"))).toContain("Try again in 15 minutes.");
    world.clock.advance(LOCK_MS - 1);
    expect(await messageOf(login(world, "alice"))).toContain("Try again in 1 minute.");
    world.clock.advance(1);
    expect(await codeOf(login(world, "alice"))).toBe("ok");
    expect(storedUser(world, "alice")).toMatchObject({ failedLogins: 0, lockedUntilMs: undefined });
  });

  test("it is kept in the record, so a restart does not end it", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await failTimes(world, "alice", 5);
    expect(storedUser(world, "alice")).toMatchObject({
      failedLogins: 5,
      lockedUntilMs: world.clock.nowMs() + LOCK_MS,
    });
  });

  test("after it ended, five more failures are needed to lock again", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await failTimes(world, "alice", 5);
    world.clock.advance(LOCK_MS);
    await failTimes(world, "alice", 4);
    expect(await codeOf(login(world, "alice"))).toBe("ok");
  });

  test("a right password in between starts the count anew", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await failTimes(world, "alice", 4);
    await login(world, "alice");
    await failTimes(world, "alice", 4);
    expect(await codeOf(login(world, "alice"))).toBe("ok");
  });

  test("parallel guesses are counted one by one: no more than five are ever checked", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const codes = await Promise.all(Array.from({ length: 12 }, () => codeOf(login(world, "alice", "wrong"))));
    expect(codes.filter((code) => code === "INVALID_CREDENTIALS").length).toBe(5);
    expect(codes.filter((code) => code === "ACCOUNT_LOCKED").length).toBe(7);
  });

  test("a name without an account locks the same way, so that a lock does not tell who exists", async () => {
    const world = await newWorld();
    await failTimes(world, "nobody", 5);
    expect(await codeOf(login(world, "nobody"))).toBe("ACCOUNT_LOCKED");
    expect(world.store.users().map((user) => String(user.id))).toEqual(["root"]);
  });

  test("AU-04 a storm on one name is turned away past the bound, and another name still gets in", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const storm = Array.from({ length: 40 }, () => codeOf(login(world, "victim")));
    const alice = codeOf(login(world, "alice"));
    const codes = await Promise.all(storm);
    expect(codes.filter((code) => code === "SERVER_BUSY").length).toBe(40 - 17);
    expect(await alice).toBe("ok");
  });
});

describe("AU-01 revocation", () => {
  test("logout voids access and refresh tokens of every session of the user, and of nobody else", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await addUser(world, "bob");
    const [one, two, bob] = [await login(world, "alice"), await login(world, "alice"), await login(world, "bob")];
    await world.accounts.logout({ access: one.tokens.accessToken, refresh: undefined });
    for (const { tokens } of [one, two]) {
      expect(await codeOf(world.accounts.authenticate(tokens.accessToken))).toBe("INVALID_CREDENTIALS");
      expect(await codeOf(world.accounts.refresh(tokens.refreshToken))).toBe("INVALID_CREDENTIALS");
    }
    expect(await codeOf(world.accounts.authenticate(bob.tokens.accessToken))).toBe("ok");
    expect(world.revoked).toEqual([["alice", "logout"]]);
  });

  test("a login right after logout is good", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const { tokens } = await login(world, "alice");
    await world.accounts.logout({ access: tokens.accessToken, refresh: tokens.refreshToken });
    const again = await login(world, "alice");
    expect(await codeOf(world.accounts.authenticate(again.tokens.accessToken))).toBe("ok");
    expect(world.revoked.length).toBe(1);
  });

  test("the refresh token alone logs out too", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const { tokens } = await login(world, "alice");
    await world.accounts.logout({ access: undefined, refresh: tokens.refreshToken });
    expect(await codeOf(world.accounts.authenticate(tokens.accessToken))).toBe("INVALID_CREDENTIALS");
  });

  test("a refresh that waits behind a logout does not slip past it", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const { tokens } = await login(world, "alice");
    // Checked before, the access token is remembered: the logout is first in line, the refresh passes its first check meanwhile.
    await world.accounts.authenticate(tokens.accessToken);
    const leaving = world.accounts.logout({ access: tokens.accessToken, refresh: undefined });
    expect(await codeOf(world.accounts.refresh(tokens.refreshToken))).toBe("INVALID_CREDENTIALS");
    await leaving;
  });

  test("two logouts by one token at the same time revoke once", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    const { tokens } = await login(world, "alice");
    const leave = () => world.accounts.logout({ access: tokens.accessToken, refresh: undefined });
    await Promise.all([leave(), leave()]);
    expect(world.revoked).toEqual([["alice", "logout"]]);
  });

  test("logout with a token that is not good revokes nothing and is no error", async () => {
    const world = await newWorld();
    await addUser(world, "alice");
    await world.accounts.logout({ access: "a.b.c", refresh: "x" });
    await world.accounts.logout({ access: undefined, refresh: undefined });
    expect(world.revoked).toEqual([]);
  });

  test.each<[string, (world: World) => Promise<unknown>, string]>([
    [
      "new password",
      (world) =>
        world.accounts.alterUser("dba", parseUserId("alice"), { kind: "password", password: "another 8 chars" }),
      "password changed",
    ],
    [
      "new role",
      (world) => world.accounts.alterUser("dba", parseUserId("alice"), { kind: "role", role: "service" }),
      "role changed",
    ],
    ["drop", (world) => world.accounts.dropUser("dba", parseUserId("alice")), "dropped"],
  ])("%s voids the user's tokens and says so", async (_why, act, reason) => {
    const world = await newWorld();
    await addUser(world, "alice");
    const { tokens } = await login(world, "alice");
    await act(world);
    expect(await codeOf(world.accounts.authenticate(tokens.accessToken))).toBe("INVALID_CREDENTIALS");
    expect(await codeOf(world.accounts.refresh(tokens.refreshToken))).toBe("INVALID_CREDENTIALS");
    expect(world.revoked.map(([user, why]) => `${user}: ${why}`)).toEqual([`alice: ${reason}`]);
  });

  test("a new email, and a role that is the old one, void nothing", async () => {
    const world = await newWorld();
    const alice = await addUser(world, "alice");
    const { tokens } = await login(world, "alice");
    await world.accounts.alterUser("dba", alice, { kind: "email", email: "a@example.org" });
    await world.accounts.alterUser("dba", alice, { kind: "role", role: "user" });
    expect(await codeOf(world.accounts.authenticate(tokens.accessToken))).toBe("ok");
    expect(storedUser(world, "alice").email).toBe("a@example.org");
    expect(world.revoked).toEqual([]);
  });

  test("the new password is good at once and ends a lock", async () => {
    const world = await newWorld();
    const alice = await addUser(world, "alice");
    await failTimes(world, "alice", 5);
    await world.accounts.alterUser("system", alice, { kind: "password", password: "another 8 chars" });
    expect(await codeOf(login(world, "alice", "another 8 chars"))).toBe("ok");
    expect(await codeOf(login(world, "alice"))).toBe("INVALID_CREDENTIALS");
  });
});
