// Random calls of aggregates over the rows of a group. Where the order of the rows shows in the answer, the call says which order.
import type { Expressions, Scope } from "./expressions.ts";
import { clause, node, type SqlNode } from "./node.ts";
import { DISTINCT, hasLeast, type Parts } from "./query.ts";
import { TYPE_NAMES, type TypeName } from "./types.ts";

type Forms = readonly (() => Parts)[];
type Of = (type: TypeName) => SqlNode;

export class Aggregates {
  readonly #expressions: Expressions;

  constructor(expressions: Expressions) {
    this.#expressions = expressions;
  }

  /** One aggregate of a type, over rows of `scope`. */
  of(type: TypeName, scope: Scope, depth: number): SqlNode | undefined {
    const { random } = this.#expressions;
    const of: Of = (kind) => this.#expressions.of(kind, depth, scope);
    const filter = random.chance(1, 4) ? clause(" FILTER (WHERE ", of("bool"), ")") : "";
    const least = hasLeast(type) ? [(): Parts => [random.pick(["min(", "max("]), of(type), ")"]] : [];
    const ordered = scope.keys.length > 0 ? this.#ordered(type, of, scope) : [];
    const forms = [...least, ...ordered, ...this.#unordered(type, of)];
    return forms.length === 0 ? undefined : node(type, [...random.pick(forms)(), filter]);
  }

  /** Those whose answer is the same in whatever order the rows come. */
  #unordered(type: TypeName, of: Of): Forms {
    const { random } = this.#expressions;
    switch (type) {
      case "i8":
        return [
          () => ["count(*)"],
          () => ["count(", of(random.pick(TYPE_NAMES)), ")"],
          () => ["count(DISTINCT ", of(random.pick(DISTINCT)), ")"],
          () => [random.pick(["sum(", "sum(DISTINCT "]), of(random.pick(["i2", "i4"])), ")"],
        ];
      case "dec":
        return [() => [random.pick(["sum(", "avg(", "sum(DISTINCT "]), of("dec"), ")"]];
      case "f8":
        return [
          () => [random.pick(["avg(", "stddev_pop(", "var_samp(", "stddev(", "variance("]), of("i4"), ")"],
          () => [random.pick(["sum(", "avg("]), of("f8"), ")"],
          () => [random.pick(["corr(", "covar_pop(", "regr_slope(", "regr_avgx("]), of("f8"), ", ", of("f8"), ")"],
          () => ["percentile_cont(0.5) WITHIN GROUP (ORDER BY ", of("f8"), ")"],
        ];
      case "bool":
        return [() => [random.pick(["bool_and(", "bool_or(", "every("]), of("bool"), ")"]];
      case "text":
        return [() => ["string_agg(DISTINCT ", ...twice(of("text")), ")"]];
      case "i4":
        return [
          () => [random.pick(["bit_and(", "bit_or(", "bit_xor("]), of("i4"), ")"],
          () => [`percentile_disc(${random.pick(["0", "0.5", "0.9"])}) WITHIN GROUP (ORDER BY `, of("i4"), ")"],
        ];
      case "iv":
        return [() => [random.pick(["sum(", "avg("]), of("iv"), ")"]];
      default:
        return [];
    }
  }

  #ordered(type: TypeName, of: Of, scope: Scope): Forms {
    const { random } = this.#expressions;
    const order = (): Parts => [" ORDER BY ", ...this.#expressions.sortList([], scope)];
    switch (type) {
      case "text":
        return [() => ["string_agg(", of("text"), `, ${random.pick(["','", "''", "' | '"])}`, ...order(), ")"]];
      case "ai":
        return [() => ["array_agg(", of("i4"), ...order(), ")"]];
      case "at":
        return [() => ["array_agg(", of("text"), ...order(), ")"]];
      case "json":
        return [() => ["jsonb_agg(", of(random.pick(TYPE_NAMES)), ...order(), ")"]];
      default:
        return [];
    }
  }
}

function twice(value: SqlNode): Parts {
  return [value, ", ',' ORDER BY ", value];
}
