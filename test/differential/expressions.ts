// Random expressions of a type, over the columns in reach.
import { formsOf } from "./grammar.ts";
import { join, node, type SqlNode } from "./node.ts";
import type { Random } from "./random.ts";
import { NUMERIC, SORTABLE, TYPE_NAMES, TYPES, type TypeName } from "./types.ts";

export interface Term {
  readonly type: TypeName;
  readonly sql: string;
}

/** What an expression may name. */
export interface Scope {
  readonly terms: readonly Term[];
  /** Those of the statements around it. */
  readonly outer: readonly Term[];
  /** Terms to sort by, down to rows that are the same throughout. */
  readonly keys: readonly Term[];
  /** Expressions that stand for a value here, such as sub-queries. */
  readonly special?: (type: TypeName, depth: number) => SqlNode | undefined;
}

const PLACEHOLDER = /\{((?:lit:|col:)?[A-Za-z0-9]+|[^{}]*¦[^{}]*)\}/g;

const isType = (name: string): name is TypeName => TYPE_NAMES.some((type) => type === name);

export class Expressions {
  readonly random: Random;
  /** Whether literals may be of the edges of their type. */
  readonly edges: boolean;

  constructor(random: Random, edges: boolean) {
    this.random = random;
    this.edges = edges;
  }

  literal(type: TypeName): SqlNode {
    const { plain, edges } = TYPES[type];
    const text = this.random.pick(this.edges && this.random.chance(1, 3) ? edges : plain);
    return node(type, [text], plain.slice(0, 1));
  }

  nullOf(type: TypeName): SqlNode {
    return node(type, [`(NULL::${TYPES[type].sql})`]);
  }

  column(type: TypeName, scope: Scope): SqlNode | undefined {
    const own = scope.terms.filter((term) => term.type === type);
    const outer = scope.outer.filter((term) => term.type === type);
    const from = outer.length > 0 && (own.length === 0 || this.random.chance(1, 3)) ? outer : own;
    return from.length === 0 ? undefined : node(type, [this.random.pick(from).sql]);
  }

  leaf(type: TypeName, scope: Scope): SqlNode {
    const roll = this.random.below(20);
    if (roll === 0) return this.nullOf(type);
    return (roll < 15 ? this.column(type, scope) : undefined) ?? this.literal(type);
  }

  of(type: TypeName, depth: number, scope: Scope): SqlNode {
    if (depth <= 0 || this.random.chance(1, 6)) return this.leaf(type, scope);
    const special = this.random.chance(1, 12) ? scope.special?.(type, depth - 1) : undefined;
    const made = special ?? this.#form(type, this.random.pick(formsOf(type)), { depth: depth - 1, scope });
    const { plain, sql } = TYPES[type];
    return {
      ...made,
      simpler: [
        ...plain.slice(0, 1),
        `(NULL::${sql})`,
        ...scope.terms.filter((term) => term.type === type).map((term) => term.sql),
      ],
    };
  }

  #form(type: TypeName, form: string, at: { readonly depth: number; readonly scope: Scope }): SqlNode {
    const chosen = new Map<string, TypeName>();
    const kindOf = (name: string): TypeName | undefined => {
      if (isType(name)) return name;
      if (name === "N") return this.random.pick(NUMERIC);
      const from = name === "T" ? SORTABLE : name === "A" ? TYPE_NAMES : name === "N2" ? NUMERIC : undefined;
      if (from === undefined) return undefined;
      const kind = chosen.get(name) ?? this.random.pick(from);
      chosen.set(name, kind);
      return kind;
    };
    const parts: (string | SqlNode)[] = [];
    let end = 0;
    for (const match of form.matchAll(PLACEHOLDER)) {
      parts.push(form.slice(end, match.index));
      end = match.index + match[0].length;
      parts.push(this.#part(match[1] ?? "", match[0], { ...at, kindOf }));
    }
    parts.push(form.slice(end));
    return node(type, parts);
  }

  #part(
    name: string,
    whole: string,
    at: { readonly depth: number; readonly scope: Scope; readonly kindOf: (name: string) => TypeName | undefined },
  ): string | SqlNode {
    if (name.includes("¦")) return this.random.pick(name.split("¦"));
    if (name === "n") return String(this.random.below(8) - 2);
    if (name === "abs") return String(this.random.below(5) + 1);
    if (name === "small") return String(this.random.below(5));
    const [only, kindName = ""] = name.includes(":") ? name.split(":") : ["", name];
    const kind = at.kindOf(kindName);
    if (kind === undefined) return whole;
    if (only === "lit") return this.literal(kind);
    if (only === "col") return this.column(kind, at.scope) ?? this.literal(kind);
    return this.of(kind, at.depth, at.scope);
  }

  /** A list of values to sort by: what is given, then the keys, so that the order is the same everywhere. */
  sortList(first: readonly SqlNode[], scope: Scope): readonly (string | SqlNode)[] {
    const terms = first.map((one) =>
      node("clause", [
        one,
        this.random.pick(["", " ASC", " DESC"]),
        this.random.pick(["", " NULLS FIRST", " NULLS LAST"]),
      ]),
    );
    return join([...terms, ...scope.keys.map(({ sql }) => sql)], ", ");
  }
}
