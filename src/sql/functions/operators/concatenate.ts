import { defineFunction, overload } from "../definition.ts";
import { concatenateJson } from "../json/concatenate.ts";
import { inTextLimit } from "../text/limit.ts";

/** `||`. NULL if either side is. */
export const concatenate = defineFunction("concatenate", [
  overload(["text", "text"], { kind: "text" }, (a, b) => inTextLimit(a + b)),
  overload(["bytes", "bytes"], { kind: "bytes" }, (a, b) => Buffer.concat([a, b])),
  concatenateJson,
]);
