// Floating-point numbers as PostgreSQL prints them: the shortest digits that read back the same, in scientific form when the exponent is large.
import type { TypeKind } from "../../model/sql-type.ts";

/** From this power of ten on the form is scientific; below 1e-4 too. */
const SCIENTIFIC_FROM: Readonly<Record<"float" | "double", number>> = { float: 6, double: 15 };
const SCIENTIFIC_BELOW = -4;
const MAX_FLOAT_DIGITS = 9;

function shortest(value: number, kind: "float" | "double"): string {
  if (kind === "double") return value.toExponential();
  for (let digits = 0; digits < MAX_FLOAT_DIGITS; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value) return text;
  }
  return value.toExponential();
}

export function floatText(value: number, kind: TypeKind & ("float" | "double")): string {
  if (!Number.isFinite(value)) return String(value);
  const [mantissa = "0", exponentText = "0"] = shortest(value, kind).split("e");
  const exponent = Number(exponentText);
  if (exponent < SCIENTIFIC_BELOW || exponent >= SCIENTIFIC_FROM[kind]) {
    const sign = exponent < 0 ? "-" : "+";
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const negative = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace("-", "").replace(".", "");
  if (exponent < 0) return `${negative}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return negative + (fraction === "" ? whole : `${whole}.${fraction}`);
}
