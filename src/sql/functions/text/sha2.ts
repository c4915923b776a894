// sha224, sha256, sha384 and sha512 of bytes.
import { defineFunction, type FunctionDefinition, overload } from "../definition.ts";

function digestFunction(name: "sha224" | "sha256" | "sha384" | "sha512"): FunctionDefinition {
  return defineFunction(name, [
    overload(["bytes"], { kind: "bytes" }, (bytes) => new Bun.CryptoHasher(name).update(bytes).digest()),
  ]);
}

export const sha224 = digestFunction("sha224");
export const sha256 = digestFunction("sha256");
export const sha384 = digestFunction("sha384");
export const sha512 = digestFunction("sha512");
