// Random SELECTs: plain ones, DISTINCT, in an order, grouped, with windows, and those that stand in an expression as its value.
import { Aggregates } from "./aggregates.ts";
import type { Scope, Term } from "./expressions.ts";
import { clause, join, node, type SqlNode } from "./node.ts";
import { DISTINCT, distinct, type Making, type Parts, type Query, type Source, sortable } from "./query.ts";
import { Sources } from "./sources.ts";
import { SORTABLE, TYPE_NAMES, type TypeName } from "./types.ts";
import { Windows } from "./windows.ts";

/** What a SELECT is made of, before its list. */
interface Base {
  readonly types: readonly TypeName[];
  readonly source: Source;
  readonly scope: Scope;
  readonly where: Parts;
}

export class Selects {
  readonly #making: Making;
  readonly #sources: Sources;
  readonly #aggregates: Aggregates;
  readonly #windows: Windows;

  constructor(making: Making) {
    this.#making = making;
    this.#sources = new Sources(making, (types, outer, depth) => this.of(types, outer, depth));
    this.#aggregates = new Aggregates(making.expressions);
    this.#windows = new Windows(making.expressions);
  }

  /** One SELECT with columns of these types (any, when not given). */
  of(wanted: readonly TypeName[] | undefined, outer: readonly Term[], depth: number): Query {
    const { random, expressions } = this.#making;
    const types = wanted ?? this.#making.types(TYPE_NAMES);
    const source = this.#sources.from(outer, depth - 1);
    const scope = this.scope(source, outer, depth - 1);
    const where = this.where(scope, 2);
    const base: Base = { types, source, scope, where };
    const roll = random.below(12);
    if (roll < 3) return this.#grouped(base);
    if (roll === 3) return this.#windowed(base);
    const values = join(
      types.map((type) => expressions.of(type, 2, scope)),
      ", ",
    );
    if (roll === 4 && types.every(distinct)) return listed(base, ["SELECT DISTINCT ", ...values]);
    if (roll === 5 && source.keys.length > 0) {
      const on = expressions.of(random.pick(DISTINCT), 1, scope);
      const sort = expressions.sortList([on], scope);
      return listed(base, ["SELECT DISTINCT ON (", on, ") ", ...values], [" ORDER BY ", ...sort]);
    }
    if (roll === 6 && source.keys.length > 0 && wanted === undefined) {
      return listed(base, ["SELECT ", ...values], this.#order(scope));
    }
    return listed(base, ["SELECT ", ...values]);
  }

  /** What the expressions of a SELECT may name: its own relations, those around it, and sub-queries while there is depth left. */
  scope(source: Source, outer: readonly Term[], depth: number): Scope {
    const { terms, keys } = source;
    if (depth <= 0) return { terms, outer, keys };
    const around = [...terms, ...outer];
    return { terms, outer, keys, special: (type, left) => this.#subquery(type, around, Math.min(left, depth - 1)) };
  }

  where(scope: Scope, depth: number): Parts {
    const { random, expressions } = this.#making;
    return random.chance(1, 4) ? [] : [clause(" WHERE ", expressions.of("bool", depth, scope))];
  }

  #order(scope: Scope): Parts {
    const { random, expressions } = this.#making;
    const by = expressions.of(random.pick(SORTABLE), 2, scope);
    const limit = random.chance(1, 2) ? [clause(` LIMIT ${random.below(6)}`)] : [];
    const offset = random.chance(1, 3) ? [clause(` OFFSET ${random.below(4)}`)] : [];
    return [" ORDER BY ", ...expressions.sortList([by], scope), ...limit, ...offset];
  }

  #grouped(base: Base): Query {
    const { random, expressions } = this.#making;
    const { types, scope } = base;
    const groups = this.#groups(scope);
    const value = (type: TypeName): SqlNode => {
      const fit = groups.filter((group) => group.type === type);
      if (fit.length > 0 && random.chance(1, 2)) return random.pick(fit);
      return this.#aggregates.of(type, scope, 1) ?? expressions.literal(type);
    };
    const lone: Scope = { terms: [], outer: [], keys: [], special: value };
    const columns = types.map((type) => (random.chance(1, 3) ? expressions.of(type, 2, lone) : value(type)));
    const by = groups.length === 0 ? [] : [" GROUP BY ", ...join(groups, ", ")];
    const having = random.chance(1, 4) ? [clause(" HAVING ", ...this.#having(scope))] : [];
    const made = node("query", [
      "SELECT ",
      ...join(columns, ", "),
      ...base.source.parts,
      ...base.where,
      ...by,
      ...having,
    ]);
    return { node: made, types, isOrdered: false };
  }

  /** None of them is a constant: GROUP BY reads a number as a column of the list. */
  #groups(scope: Scope): readonly GroupValue[] {
    const { random, expressions } = this.#making;
    return Array.from({ length: random.below(3) }, (): GroupValue => {
      const type = random.pick(DISTINCT);
      const column = random.chance(2, 3) ? expressions.column(type, { ...scope, outer: [] }) : undefined;
      return { ...(column ?? expressions.of(type, 1, scope)), type };
    }).filter(({ parts }) => parts.some((part) => typeof part !== "string" || /^t\d/.test(part)));
  }

  #having(scope: Scope): Parts {
    const { random, expressions } = this.#making;
    const type = random.pick<TypeName>(["i8", "i4", "dec", "text"]);
    const aggregate = this.#aggregates.of(type, scope, 1) ?? expressions.literal(type);
    return [aggregate, random.pick([" > ", " <= ", " <> "]), expressions.literal(type)];
  }

  #windowed(base: Base): Query {
    const { types, source, scope } = base;
    // Two windows may take rows of the same keys in two orders.
    const call = (type: TypeName): SqlNode | undefined => (source.isKeyed ? this.#windows.of(type, scope) : undefined);
    const columns = types.map((type) => call(type) ?? this.#making.expressions.of(type, 1, scope));
    return listed(base, ["SELECT ", ...join(columns, ", ")]);
  }

  /** A sub-query as a value. */
  #subquery(type: TypeName, outer: readonly Term[], depth: number): SqlNode | undefined {
    const { random, expressions } = this.#making;
    const roll = random.below(4);
    if (type === "bool" && roll > 0) return this.#membership(roll, outer, Math.min(depth, 1));
    if (!sortable(type)) return undefined;
    const source = this.#sources.from(outer, 0);
    const scope = this.scope(source, outer, 0);
    if (roll > 0) {
      const aggregate = this.#aggregates.of(type, scope, 1);
      if (aggregate === undefined) return undefined;
      return node(type, ["(SELECT ", aggregate, ...source.parts, ...this.where(scope, 1), ")"]);
    }
    const value = expressions.of(type, 1, scope);
    const sort = expressions.sortList([], scope);
    if (sort.length === 0) return undefined;
    const where = this.where(scope, 1);
    return node(type, ["(SELECT ", value, ...source.parts, ...where, " ORDER BY ", ...sort, " LIMIT 1)"]);
  }

  #membership(roll: number, outer: readonly Term[], depth: number): SqlNode {
    const { random, expressions } = this.#making;
    if (roll === 1) {
      const inner = this.of(["i4"], outer, depth);
      return node("bool", [random.pick(["EXISTS (", "NOT EXISTS ("]), inner.node, ")"]);
    }
    const kind = random.pick(DISTINCT.filter((one) => one !== "ai" && one !== "at"));
    const inner = this.of([kind], outer, depth);
    const left = expressions.of(kind, 1, { terms: outer, outer: [], keys: [] });
    const operator =
      roll === 2
        ? random.pick(["IN", "NOT IN"])
        : `${random.pick(["=", "<", ">=", "<>"])} ${random.pick(["ANY", "ALL"])}`;
    return node("bool", ["(", left, ` ${operator} (`, inner.node, "))"]);
  }
}

interface GroupValue extends SqlNode {
  readonly type: TypeName;
}

/** `tail`: the clauses that give the rows their order. */
function listed(base: Base, head: Parts, tail: Parts = []): Query {
  const parts = [...head, ...base.source.parts, ...base.where, ...tail];
  return { node: node("query", parts), types: base.types, isOrdered: tail.length > 0 };
}
