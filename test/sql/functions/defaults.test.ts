// Column defaults that are functions, and the ids they make.
import { expect, test } from "bun:test";
import { parseUserId } from "../../../src/base/ids.ts";
import { DEFAULT_FUNCTIONS } from "../../../src/model/schema.ts";
import { BIGINT, TEXT, TIMESTAMP } from "../../../src/model/sql-type.ts";
import { castRule } from "../../../src/sql/functions/casts.ts";
import { defaultType, generateDefault } from "../../../src/sql/functions/defaults.ts";
import { createGenerators } from "../../../src/sql/functions/generators.ts";

function clockAt(times: readonly number[]): { nowMs: () => number; monotonicMs: () => number } {
  let next = 0;
  return { nowMs: () => times[Math.min(next++, times.length - 1)] ?? 0, monotonicMs: () => 0 };
}

const START_MS = 1_700_000_000_123;

test("TB-05 SNOWFLAKE_ID holds the Unix time in milliseconds above 22 bits", () => {
  expect(createGenerators(clockAt([START_MS])).snowflakeId()).toBe(BigInt(START_MS) << 22n);
});

test("TB-05 SNOWFLAKE_ID grows within a millisecond, past a full counter and when the clock steps back", () => {
  const generators = createGenerators(clockAt([START_MS, START_MS, START_MS - 5000]));
  const ids = Array.from({ length: 10_000 }, () => generators.snowflakeId());
  expect(ids.every((id, i) => i === 0 || id > (ids[i - 1] ?? id))).toBe(true);
});

test("TB-05 SNOWFLAKE_IDs of processes that run at once differ, past a full counter too", () => {
  const made = [0, 1, 2, 1023].flatMap((node) => {
    const generators = createGenerators(clockAt([START_MS]), node);
    return Array.from({ length: 10_000 }, () => generators.snowflakeId());
  });
  expect(new Set(made).size).toBe(made.length);
});

test("TB-05 ULIDs sort as they were made, also when the clock steps back", () => {
  const generators = createGenerators(clockAt([START_MS, START_MS, START_MS - 5000, START_MS + 1]));
  const ids = Array.from({ length: 1000 }, () => generators.ulid());
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id))).toBe(true);
});

test("TB-05 a ULID starts with its time", () => {
  expect(
    createGenerators(clockAt([0]))
      .ulid()
      .slice(0, 10),
  ).toBe("0000000000");
  expect(
    createGenerators(clockAt([START_MS]))
      .ulid()
      .slice(0, 10),
  ).toBe("01HF7YAT3V");
});

test("TB-05 UUID_V7 carries version, variant and time", () => {
  const uuid = createGenerators(clockAt([START_MS])).uuidV7();
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(Number.parseInt(uuid.replaceAll("-", "").slice(0, 12), 16)).toBe(START_MS);
});

test("TB-05 a default is cast to its column's type", () => {
  const environment = {
    generators: createGenerators(clockAt([START_MS])),
    user: parseUserId("alice"),
    nowUs: 1_704_067_200_000_000n,
  };
  expect(generateDefault("NOW", TIMESTAMP, environment)).toBe(1_704_067_200_000_000n);
  expect(generateDefault("NOW", { kind: "date" }, environment)).toBe(19_723);
  expect(generateDefault("CURRENT_USER", TEXT, environment)).toBe("alice");
  expect(generateDefault("SNOWFLAKE_ID", BIGINT, environment)).toBe(BigInt(START_MS) << 22n);
  expect(generateDefault("SNOWFLAKE_ID", TEXT, environment)).toBe(String((BigInt(START_MS) << 22n) + 1n));
  expect(() => generateDefault("SNOWFLAKE_ID", { kind: "int" }, environment)).toThrow("integer out of range");
});

test("TB-05 every default can be stored as text", () => {
  for (const name of DEFAULT_FUNCTIONS) expect(castRule(defaultType(name), TEXT)).toBeDefined();
});
