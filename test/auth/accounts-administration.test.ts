// User statements, the first root and first-run setup.
import { describe, expect, test } from "bun:test";
import { parseUserId } from "../../src/base/ids.ts";
import {
  addUser,
  codeOf,
  configuredRoot,
  newWorld,
  PASSWORD,
  ROOT_PASSWORD,
  storedUser,
  type World,
} from "./fixture.ts";

function login(world: World, user: string, password: string = PASSWORD, isLoopback = false) {
  return world.accounts.login({ user, password, isLoopback });
}

describe("user statements", () => {
  const someone = {
    user: parseUserId("carol"),
    signIn: { kind: "password", password: PASSWORD },
    role: "user",
    email: undefined,
  } as const;

  test.each<[string, (world: World) => Promise<unknown>, string]>([
    ["dba makes a user", (w) => w.accounts.createUser("dba", someone), "ok"],
    ["dba makes a dba", (w) => w.accounts.createUser("dba", { ...someone, role: "dba" }), "ok"],
    [
      "dba may not grant system",
      (w) => w.accounts.createUser("dba", { ...someone, role: "system" }),
      "PERMISSION_DENIED",
    ],
    ["system may", (w) => w.accounts.createUser("system", { ...someone, role: "system" }), "ok"],
    ["service makes nobody", (w) => w.accounts.createUser("service", someone), "PERMISSION_DENIED"],
    ["user makes nobody", (w) => w.accounts.createUser("user", someone), "PERMISSION_DENIED"],
    ["nobody is anonymous", (w) => w.accounts.createUser("dba", { ...someone, role: "anonymous" }), "INVALID_INPUT"],
    [
      "weak password",
      (w) => w.accounts.createUser("dba", { ...someone, signIn: { kind: "password", password: "short" } }),
      "WEAK_PASSWORD",
    ],
    ["bad email", (w) => w.accounts.createUser("dba", { ...someone, email: "not an email" }), "INVALID_INPUT"],
    [
      "existing user",
      (w) => w.accounts.createUser("dba", { ...someone, user: parseUserId("alice") }),
      "ALREADY_EXISTS",
    ],
    [
      "existing user, IF NOT EXISTS",
      (w) => w.accounts.createUser("dba", { ...someone, user: parseUserId("alice") }, true),
      "ok",
    ],
    ["dba touches a system user", (w) => w.accounts.dropUser("dba", parseUserId("root")), "PERMISSION_DENIED"],
    [
      "dba takes over root",
      (w) => w.accounts.alterUser("dba", parseUserId("root"), { kind: "password", password: PASSWORD }),
      "PERMISSION_DENIED",
    ],
    ["root cannot be dropped", (w) => w.accounts.dropUser("system", parseUserId("root")), "PERMISSION_DENIED"],
    [
      "root keeps its role",
      (w) => w.accounts.alterUser("system", parseUserId("root"), { kind: "role", role: "user" }),
      "PERMISSION_DENIED",
    ],
    [
      "dba raises a user to system",
      (w) => w.accounts.alterUser("dba", parseUserId("alice"), { kind: "role", role: "system" }),
      "PERMISSION_DENIED",
    ],
    [
      "a password for who was made without one",
      async (w) => {
        await w.accounts.createUser("dba", { ...someone, signIn: { kind: "internal" } });
        await w.accounts.alterUser("dba", someone.user, { kind: "password", password: PASSWORD });
      },
      "INVALID_INPUT",
    ],
    ["unknown user", (w) => w.accounts.dropUser("dba", parseUserId("nobody")), "NOT_FOUND"],
    ["unknown user, IF EXISTS", (w) => w.accounts.dropUser("dba", parseUserId("nobody"), true), "ok"],
    [
      "altering an unknown user",
      (w) => w.accounts.alterUser("dba", parseUserId("nobody"), { kind: "email", email: "" }),
      "NOT_FOUND",
    ],
  ])("%s", async (_why, act, code) => {
    const world = await newWorld();
    await addUser(world, "alice");
    expect(await codeOf(act(world))).toBe(code);
  });

  test("a dropped id cannot be given to a new user, whose rows would be the old one's", async () => {
    const world = await newWorld();
    const alice = await addUser(world, "alice");
    expect(await world.accounts.dropUser("dba", alice)).toBe(true);
    expect(await codeOf(world.accounts.dropUser("dba", alice))).toBe("NOT_FOUND");
    const again = {
      user: alice,
      signIn: { kind: "password", password: PASSWORD },
      role: "user",
      email: undefined,
    } as const;
    expect(await codeOf(world.accounts.createUser("dba", again))).toBe("ALREADY_EXISTS");
    expect(await codeOf(world.accounts.createUser("dba", again, true))).toBe("ALREADY_EXISTS");
  });

  test("two creations of one user at once make one", async () => {
    const world = await newWorld();
    const codes = await Promise.all([1, 2].map(() => codeOf(world.accounts.createUser("dba", someone))));
    expect(codes.sort()).toEqual(["ALREADY_EXISTS", "ok"]);
  });

  test("passwords are stored as argon2id", async () => {
    const world = await newWorld();
    await world.accounts.createUser("dba", someone);
    expect(await codeOf(login(world, "carol"))).toBe("ok");
    expect(storedUser(world, "carol").passwordHash).toStartWith("$argon2id$v=19$m=19456,t=2,p=1$");
  });
});

describe("AU-02 root", () => {
  test("is made once with role system and the given password", async () => {
    const world = await newWorld({}, "given at start");
    expect(storedUser(world, "root").role).toBe("system");
    expect(await codeOf(login(world, "root", "given at start"))).toBe("ok");
    expect(world.accounts.needsSetup()).toBe(false);
  });

  test("a generated password need not be one that people may choose", async () => {
    const world = await newWorld({ "auth.enforce_password_complexity": true, "auth.min_password_length": 40 });
    world.store.forget("root");
    const value = "9mp8s-7evsf-xj8hd-wv4dy-ndk72";
    const generated = { value, source: "generated", createdNow: true, path: "root-password.txt" } as const;
    const secrets = { configuredRootPassword: undefined, rootPassword: () => generated };
    expect(await world.accounts.ensureRoot(secrets)).toEqual(generated);
    expect(await codeOf(login(world, "root", value))).toBe("ok");
    world.store.forget("root");
    expect(await codeOf(world.accounts.ensureRoot(configuredRoot(value)))).toBe("INVALID_CONFIG");
  });

  test("a generated password is asked for only while there is no root", async () => {
    const world = await newWorld();
    const never = (): never => {
      throw new Error("asked for");
    };
    expect(await world.accounts.ensureRoot({ configuredRootPassword: undefined, rootPassword: never })).toBeUndefined();
  });

  test("a configured password that changed is applied at the next start and voids tokens; the same one changes nothing", async () => {
    const world = await newWorld();
    const { tokens } = await login(world, "root", ROOT_PASSWORD);
    const putsBefore = world.store.puts;
    expect(await world.accounts.ensureRoot(configuredRoot(ROOT_PASSWORD))).toBeUndefined();
    expect(world.store.puts).toBe(putsBefore);
    await world.accounts.ensureRoot(configuredRoot("a different one"));
    expect(await codeOf(login(world, "root", "a different one"))).toBe("ok");
    expect(await codeOf(world.accounts.authenticate(tokens.accessToken))).toBe("INVALID_CREDENTIALS");
  });

  test("a weak configured password stops the start", async () => {
    expect(await codeOf(newWorld({}, "root"))).toBe("INVALID_CONFIG");
  });
});

describe("AU-02 setup, while root has no password", () => {
  const request = {
    user: "admin",
    password: PASSWORD,
    rootPassword: ROOT_PASSWORD,
    email: undefined,
    isLoopback: true,
  };

  test("gives root its password, makes a dba, and works once", async () => {
    const world = await newWorld({}, "");
    expect(world.accounts.needsSetup()).toBe(true);
    expect((await world.accounts.setup(request)).role).toBe("dba");
    expect(world.accounts.needsSetup()).toBe(false);
    expect(await codeOf(login(world, "root", ROOT_PASSWORD))).toBe("ok");
    expect(await codeOf(login(world, "admin"))).toBe("ok");
    expect(await codeOf(world.accounts.setup({ ...request, user: "second" }))).toBe("ALREADY_CONFIGURED");
  });

  test("two setups at once: one wins", async () => {
    const world = await newWorld({}, "");
    const codes = await Promise.all(["one", "two"].map((user) => codeOf(world.accounts.setup({ ...request, user }))));
    expect(codes).toEqual(["ok", "ALREADY_CONFIGURED"]);
    expect(world.store.users().length).toBe(2);
  });

  test.each<[string, Partial<typeof request>, string]>([
    ["from another machine", { isLoopback: false }, "REMOTE_ACCESS_DENIED"],
    ["user that is a path", { user: "../x" }, "INVALID_NAME"],
    ["root as the new user", { user: "root" }, "ALREADY_EXISTS"],
    ["weak password", { password: "password" }, "WEAK_PASSWORD"],
    ["weak root password", { rootPassword: "short" }, "WEAK_PASSWORD"],
  ])("refuses %s and leaves the server unconfigured", async (_why, change, code) => {
    const world = await newWorld({}, "");
    expect(await codeOf(world.accounts.setup({ ...request, ...change }))).toBe(code);
    expect(world.accounts.needsSetup()).toBe(true);
    expect(world.store.users().length).toBe(1);
  });

  test("is possible from elsewhere when the configuration allows it", async () => {
    const world = await newWorld({ "auth.allow_remote_setup": true }, "");
    expect(await codeOf(world.accounts.setup({ ...request, isLoopback: false }))).toBe("ok");
  });

  test.each<[string, string, boolean, string]>([
    ["empty password asks for setup", "", true, "SETUP_REQUIRED"],
    ["also from elsewhere", "", false, "SETUP_REQUIRED"],
    ["a password from this machine is a wrong one", "guess", true, "INVALID_CREDENTIALS"],
    ["a password from elsewhere", "guess", false, "REMOTE_ACCESS_DENIED"],
  ])("login as root: %s", async (_why, password, isLoopback, code) => {
    const world = await newWorld({}, "");
    expect(await codeOf(login(world, "root", password, isLoopback))).toBe(code);
  });
});
