// Which overload fits argument types best.
import type { SqlType, TypeKind } from "../../model/sql-type.ts";
import { typeOfKind } from "../../model/types.ts";
import { castRule } from "./casts.ts";
import { decimalOf, NUMERIC_TOWER, widerDecimal } from "./common-type.ts";
import { kindsFor, type Overload } from "./definition.ts";

export interface OverloadChoice {
  readonly overload: Overload;
  readonly argTypes: readonly SqlType[];
}

interface Score {
  readonly exact: number;
  readonly cost: number;
  /** How well untyped arguments are served: text first, then double precision, as PostgreSQL's preferred types. */
  readonly preference: number;
}

const PREFERENCE: Partial<Readonly<Record<TypeKind, number>>> = { text: 2, double: 1, timestamp: 1 };
/** An untyped argument beside one of known type is taken to be of that type: less than a match, more than a cast. */
const ASSUMED_EXACT = 0.5;

/** Undefined: there is no implicit cast. */
function castCost(from: SqlType, to: TypeKind): number | undefined {
  if (from.kind === to) return 0;
  // A real would lose digits of any other number; PostgreSQL takes double precision.
  if (to === "float" || !castRule(from, targetType(to, [from]))?.implicit) return undefined;
  const [low, high] = [NUMERIC_TOWER.indexOf(from.kind), NUMERIC_TOWER.indexOf(to)];
  return to === "double" || low < 0 || high < 0 ? 1 : high - low + 1;
}

function score(kinds: readonly TypeKind[], argTypes: readonly (SqlType | undefined)[]): Score | undefined {
  const known = new Set(argTypes.map((type) => type?.kind));
  let [exact, cost, preference] = [0, 0, 0];
  for (const [i, kind] of kinds.entries()) {
    const type = argTypes[i];
    if (type === undefined) {
      preference += PREFERENCE[kind] ?? 0;
      if (known.has(kind)) exact += ASSUMED_EXACT;
      continue;
    }
    const step = castCost(type, kind);
    if (step === undefined) return undefined;
    if (step === 0) exact += 1;
    cost += step;
  }
  return { exact, cost, preference };
}

function isBetter(a: Score, b: Score): boolean {
  if (a.exact !== b.exact) return a.exact > b.exact;
  if (a.cost !== b.cost) return a.cost < b.cost;
  return a.preference > b.preference;
}

/** The type of one kind an argument is cast to; `given` are the types it comes from. */
function targetType(kind: TypeKind, given: readonly (SqlType | undefined)[]): SqlType {
  if (kind === "embedding") {
    const known = given.find((type) => type?.kind === "embedding");
    return known ?? { kind, dimensions: 0 };
  }
  if (kind === "array") return given.find((type) => type?.kind === "array") ?? typeOfKind(kind);
  if (kind !== "decimal") return { kind };
  const decimals = given.filter((type) => type !== undefined).map(decimalOf);
  return decimals.reduce<SqlType & { kind: "decimal" }>(widerDecimal, decimals[0] ?? decimalOf(undefined));
}

export function bestOverload(
  overloads: readonly Overload[],
  argTypes: readonly (SqlType | undefined)[],
): OverloadChoice | undefined {
  let best: { readonly overload: Overload; readonly kinds: readonly TypeKind[]; readonly score: Score } | undefined;
  for (const overload of overloads) {
    const kinds = kindsFor(overload, argTypes.length);
    const scored = kinds && score(kinds, argTypes);
    if (kinds === undefined || scored === undefined) continue;
    if (best === undefined || isBetter(scored, best.score)) best = { overload, kinds, score: scored };
  }
  if (best === undefined) return undefined;
  const { overload, kinds } = best;
  // Decimals of a variadic overload have one type, wide enough for all.
  const given = (i: number): readonly (SqlType | undefined)[] => (overload.variadic ? argTypes : [argTypes[i]]);
  return { overload, argTypes: kinds.map((kind, i) => targetType(kind, given(i))) };
}
