// Random relations to select from: tables, common table expressions, sub-queries, VALUES, series, and joins of them.
import type { Scope, Term } from "./expressions.ts";
import { join, node, type SqlNode } from "./node.ts";
import { DISTINCT, distinct, type MakeSelect, type Making, type Query, type Source, sortable } from "./query.ts";
import { TYPES } from "./types.ts";

export class Sources {
  readonly #making: Making;
  readonly #select: MakeSelect;

  constructor(making: Making, select: MakeSelect) {
    this.#making = making;
    this.#select = select;
  }

  /** ` FROM …`, one to three relations. */
  from(outer: readonly Term[], depth: number): Source {
    const { random } = this.#making;
    let source = this.#relation(outer, depth, false);
    const joins = random.pick([0, 0, 0, 1, 1, 2]);
    for (let at = 0; at < joins; at += 1) source = this.#joined(source, outer, depth);
    return { ...source, parts: [" FROM ", ...source.parts] };
  }

  #relation(outer: readonly Term[], depth: number, isLateral: boolean): Source {
    const { random, tables, common } = this.#making;
    const alias = this.#making.name("t");
    const roll = random.below(10);
    if (roll === 0 && depth > 0) {
      const inner = this.#select(undefined, isLateral ? outer : [], depth - 1);
      return derived(alias, inner, isLateral ? "LATERAL " : "");
    }
    if (roll === 1) return derived(alias, this.#values(), "");
    if (roll === 2) {
      const columns: Term[] = [{ type: "i4", sql: `${alias}.n` }];
      return {
        parts: [`generate_series(${random.below(3)}, ${random.below(6)}) AS ${alias} (n)`],
        terms: columns,
        keys: columns,
        isKeyed: true,
      };
    }
    const table = random.pick([...tables, ...common, ...common]);
    const terms = table.columns.map(({ name, type }) => ({ type, sql: `${alias}.${name}` }));
    const isKeyed = tables.includes(table);
    const keys = isKeyed ? terms.filter(({ sql }) => sql === `${alias}.k`) : allOf(terms);
    return { parts: [`${table.name} AS ${alias}`], terms, keys, isKeyed };
  }

  #values(): Query {
    const { random, expressions } = this.#making;
    const types = this.#making.types(DISTINCT.filter((type) => TYPES[type].isColumn));
    const rows = Array.from({ length: 1 + random.below(3) }, () => {
      const values = types.map((type) => expressions.literal(type));
      return node("clause", ["(", ...join(values, ", "), ")"]);
    });
    return { node: node("query", ["VALUES ", ...join(rows, ", ")]), types, isOrdered: false };
  }

  #joined(left: Source, outer: readonly Term[], depth: number): Source {
    const { random } = this.#making;
    const kind = random.pick(["JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","]);
    const lateral = kind === "JOIN" || kind === "LEFT JOIN" || kind === "CROSS JOIN";
    const right = this.#relation([...left.terms, ...outer], depth, lateral && random.chance(1, 3));
    const terms = [...left.terms, ...right.terms];
    const keys = left.keys.length === 0 || right.keys.length === 0 ? [] : [...left.keys, ...right.keys];
    const isKeyed = left.isKeyed && right.isKeyed;
    if (kind === "CROSS JOIN" || kind === ",") {
      // What stands after a comma may not name what stands before it in a join's condition: a cross join reads the same with and without.
      return { parts: [...left.parts, " CROSS JOIN ", ...right.parts], terms, keys, isKeyed };
    }
    return {
      parts: [...left.parts, ` ${kind} `, ...right.parts, " ON ", this.#condition(left, right, kind)],
      terms,
      keys,
      isKeyed,
    };
  }

  #condition(left: Source, right: Source, kind: string): SqlNode {
    const { random, expressions } = this.#making;
    const pairs = left.terms.flatMap((a) =>
      right.terms.filter((b) => b.type === a.type && sortable(a.type)).map((b) => [a, b] as const),
    );
    const scope: Scope = { terms: [...left.terms, ...right.terms], outer: [], keys: [] };
    if (pairs.length === 0) return kind === "FULL JOIN" ? node("clause", ["true"]) : expressions.of("bool", 1, scope);
    const [a, b] = random.pick(pairs);
    const equal = node("bool", [`(${a.sql} = ${b.sql})`], ["true"]);
    // PostgreSQL joins in full by equalities alone.
    if (kind === "FULL JOIN" || random.chance(2, 3)) return equal;
    return node("bool", ["(", equal, random.pick([" AND ", " OR "]), expressions.of("bool", 1, scope), ")"]);
  }
}

function derived(alias: string, inner: Query, before: string): Source {
  const columns = inner.types.map((type, at) => ({ type, name: `x${at}` }));
  const terms = columns.map(({ type, name }) => ({ type, sql: `${alias}.${name}` }));
  const list = columns.map(({ name }) => name).join(", ");
  return {
    parts: [`${before}(`, inner.node, `) AS ${alias} (${list})`],
    terms,
    keys: allOf(terms),
    isKeyed: false,
  };
}

function allOf(terms: readonly Term[]): readonly Term[] {
  return terms.every(({ type }) => distinct(type)) ? terms : [];
}
