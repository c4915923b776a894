// Ids and random numbers for functions and column defaults. The state lives in the object the composition root makes, one for the process.
import type { Clock } from "../../base/clock.ts";

export interface Generators {
  /** Strictly increasing for the life of the object. */
  snowflakeId(): bigint;
  uuidV7(): string;
  ulid(): string;
  /** 0 <= x < 1. */
  random(): number;
}

const NODE_AND_COUNTER_BITS = 22n;
const COUNTER_BITS = 12n;
const FULL_COUNTER = 2n ** COUNTER_BITS - 1n;
/** Nodes are numbers below it. */
export const SNOWFLAKE_NODES = 1024;
const ULID_RANDOM_BITS = 80n;
const ULID_LENGTH = 26;
const CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

function random80(): bigint {
  let bits = 0n;
  for (const byte of crypto.getRandomValues(new Uint8Array(10))) bits = (bits << 8n) | BigInt(byte);
  return bits;
}

function crockford(value: bigint): string {
  let text = "";
  for (let rest = value; text.length < ULID_LENGTH; rest >>= 5n) text = (CROCKFORD[Number(rest & 31n)] ?? "0") + text;
  return text;
}

/** The node keeps apart what processes that run at once make. */
export function createGenerators(clock: Clock, node = 0): Generators {
  const nodeBits = BigInt(node) << COUNTER_BITS;
  let lastSnowflake = 0n;
  let lastUlid = 0n;
  return {
    /** ms since the Unix epoch << 22 | node << 12 | counter. A full counter runs into the next millisecond. */
    snowflakeId() {
      const startOf = (ms: bigint): bigint => (ms << NODE_AND_COUNTER_BITS) | nodeBits;
      const fromClock = startOf(BigInt(Math.floor(clock.nowMs())));
      if (fromClock > lastSnowflake) lastSnowflake = fromClock;
      else if ((lastSnowflake & FULL_COUNTER) < FULL_COUNTER) lastSnowflake += 1n;
      else lastSnowflake = startOf((lastSnowflake >> NODE_AND_COUNTER_BITS) + 1n);
      return lastSnowflake;
    },
    uuidV7: () => Bun.randomUUIDv7("hex", clock.nowMs()),
    /** Within a millisecond (or when the clock steps back) the last value is counted up, so that ULIDs sort as they were made. */
    ulid() {
      const time = BigInt(Math.floor(clock.nowMs()));
      const fresh = (time << ULID_RANDOM_BITS) | random80();
      lastUlid = time > lastUlid >> ULID_RANDOM_BITS ? fresh : lastUlid + 1n;
      return crockford(lastUlid);
    },
    random: () => Math.random(),
  };
}
