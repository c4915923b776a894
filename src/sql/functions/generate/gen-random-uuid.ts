import { defineFunction, preparedOverload } from "../definition.ts";

/** A UUID of version 4. */
export const genRandomUuid = defineFunction(
  "gen_random_uuid",
  [preparedOverload([], { kind: "uuid" }, () => () => crypto.randomUUID())],
  { deterministic: false },
);
