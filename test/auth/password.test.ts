// Hashing, its bound, and the password policy.
import { describe, expect, test } from "bun:test";
import { assertStrongPassword, type PasswordPolicy, Passwords } from "../../src/auth/password.ts";
import { DbError } from "../../src/base/errors.ts";
import { codeOf } from "./fixture.ts";

test("AU-02 a hash matches its password and no other, and two hashes of one password differ", async () => {
  const passwords = new Passwords();
  const [one, two] = await Promise.all([passwords.hash("correct horse"), passwords.hash("correct horse")]);
  expect(one).not.toBe(two);
  expect(await passwords.verify("correct horse", one)).toBe(true);
  expect(await passwords.verify("correct horsf", one)).toBe(false);
  expect(await passwords.verify("", one)).toBe(false);
});

test("AU-02 where there is no hash, nothing matches", async () => {
  const passwords = new Passwords();
  expect(await passwords.verify("", "")).toBe(false);
  expect(await passwords.verify("anything", "")).toBe(false);
});

test("AU-02 a check without a hash is real work on another thread, not an answer within the turn", async () => {
  const passwords = new Passwords();
  const turn = new Promise((resolve) => setImmediate(resolve, "a turn of the event loop"));
  const check = passwords.verify("x", "").then(() => "the check");
  expect(await Promise.race([check, turn])).toBe("a turn of the event loop");
  expect(await check).toBe("the check");
});

test("AU-04 past its bound the hashing queue turns work away at once and then recovers", async () => {
  const passwords = new Passwords({ concurrent: 1, waiting: 2 });
  const codes = await Promise.all(Array.from({ length: 5 }, () => codeOf(passwords.verify("x", ""))));
  expect(codes).toEqual(["ok", "ok", "ok", "SERVER_BUSY", "SERVER_BUSY"]);
  expect(await codeOf(passwords.verify("x", ""))).toBe("ok");
});

describe("AU-02 the password policy", () => {
  const relaxed = { minLength: 8, isComplex: false };
  const complex = { minLength: 8, isComplex: true };
  test.each<[string, string, PasswordPolicy, string | undefined]>([
    ["long enough", "abcdefgh", relaxed, undefined],
    ["one too short", "abcdefg", relaxed, "must be at least 8 characters long"],
    ["empty", "", relaxed, "must be at least 8 characters long"],
    ["empty, though no length is asked for: it would mean no password", "", { ...relaxed, minLength: 0 }, "at least"],
    ["characters count, not UTF-16 units", "😀😀😀😀😀😀😀", relaxed, "must be at least 8 characters long"],
    ["72 bytes", "a".repeat(72), relaxed, undefined],
    ["73 bytes", "a".repeat(73), relaxed, "must be at most 72 bytes long"],
    ["72 letters of two bytes", "ä".repeat(72), relaxed, "must be at most 72 bytes long"],
    ["common", "password", relaxed, "is too common"],
    ["common, in whatever letters", "PassWord", relaxed, "is too common"],
    ["a common one is a part of it", "passwords of mine", relaxed, undefined],
    ["the user's own id", "Margarete", { ...relaxed, user: "margarete" }, "must not be the id of the user"],
    ["common, though short ones are allowed", "qwerty", { ...relaxed, minLength: 4 }, "is too common"],
    ["complex", "Abcdef1!", complex, undefined],
    ["no upper case", "abcdef1!", complex, "must contain an upper-case letter"],
    ["only lower case", "abcdefgh", complex, "an upper-case letter, a digit, a special character"],
    ["letters of other scripts count", "Ñandúes7-", complex, undefined],
  ])("%s", (_why, password, policy, fault) => {
    const check = (): void => assertStrongPassword(password, policy, "Root password");
    if (fault === undefined) return expect(check).not.toThrow();
    expect(check).toThrow(expect.objectContaining({ code: "WEAK_PASSWORD" }));
    expect(check).toThrow(fault);
    expect(check).toThrow("Root password");
  });

  test("the message never contains the password", () => {
    try {
      assertStrongPassword("letmein", relaxed);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(DbError);
      expect(String(error)).not.toContain("letmein");
    }
  });
});
