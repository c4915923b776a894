import { defineFunction, preparedOverload } from "../definition.ts";

export const uuidV7 = defineFunction(
  "uuid_v7",
  [preparedOverload([], { kind: "uuid" }, (_types, generators) => () => generators.uuidV7())],
  { deterministic: false },
);
