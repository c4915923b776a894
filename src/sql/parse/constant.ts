// A_Const of PostgreSQL's tree as a plain value. protobuf leaves out zero, '' and FALSE, so the tree is easily read wrong.
import type { A_Const } from "libpg-query";

export type Constant =
  | { readonly kind: "null" }
  | { readonly kind: "boolean"; readonly value: boolean }
  /** Decimal digits that fit 64 bits; the tree's sign, which only DEFAULT clauses have, is kept. */
  | { readonly kind: "integer"; readonly text: string }
  /** Any other number: PostgreSQL's numeric. */
  | { readonly kind: "float"; readonly text: string }
  | { readonly kind: "string"; readonly text: string }
  /** X'…': hexadecimal digits. */
  | { readonly kind: "hex"; readonly digits: string }
  /** B'…': binary digits. */
  | { readonly kind: "bits"; readonly digits: string };

const MAX_BIGINT = 2n ** 63n - 1n;
const MIN_BIGINT = -(2n ** 63n);

export function constantOf(node: A_Const): Constant {
  if (node.ival !== undefined) return { kind: "integer", text: String(node.ival.ival ?? 0) };
  if (node.fval !== undefined) return numberOf(node.fval.fval ?? "0");
  if (node.boolval !== undefined) return { kind: "boolean", value: node.boolval.boolval ?? false };
  if (node.sval !== undefined) return { kind: "string", text: node.sval.sval ?? "" };
  if (node.bsval !== undefined) {
    const bits = node.bsval.bsval ?? "";
    return { kind: bits.startsWith("x") ? "hex" : "bits", digits: bits.slice(1) };
  }
  return { kind: "null" };
}

/** An integer beyond 32 bits arrives as a float's text; so does any of them with underscores, hexadecimal, octal or binary digits. */
function numberOf(text: string): Constant {
  const plain = text.replaceAll("_", "");
  const [, sign = "", digits = ""] = /^([+-]?)(0[xob][0-9a-f]+|\d+)$/i.exec(plain) ?? [];
  if (digits === "") return { kind: "float", text: plain };
  const value = sign === "-" ? -BigInt(digits) : BigInt(digits);
  const fits = value >= MIN_BIGINT && value <= MAX_BIGINT;
  return { kind: fits ? "integer" : "float", text: value.toString() };
}
