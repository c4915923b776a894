// What the makers of statements share: a statement that is made, the relations that it reads, and the names that it has given.
import { Expressions, type Term } from "./expressions.ts";
import type { SqlNode } from "./node.ts";
import type { Random } from "./random.ts";
import { TYPE_NAMES, TYPES, type TypeName } from "./types.ts";

export interface Table {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: TypeName }[];
}

export interface Query {
  readonly node: SqlNode;
  readonly types: readonly TypeName[];
  /** Whether the rows come in one order only. */
  readonly isOrdered: boolean;
  /** Whether every value of every row is asked for, so that both fail where one does. */
  readonly isStrict?: boolean;
  /** Selects the rows that it may change, in one order. */
  readonly effect?: string;
}

export type Parts = readonly (string | SqlNode)[];

/** Relations of a FROM, and what may be named of them. */
export interface Source {
  readonly parts: Parts;
  readonly terms: readonly Term[];
  /** Terms that tell the rows apart, but for rows that are the same throughout; none where rows may differ in what has no order. */
  readonly keys: readonly Term[];
  /** Whether no two rows have the same keys. */
  readonly isKeyed: boolean;
}

/** Makes one SELECT with columns of these types (any, when not given). */
export type MakeSelect = (types: readonly TypeName[] | undefined, outer: readonly Term[], depth: number) => Query;

export const sortable = (type: TypeName): boolean => TYPES[type].isSortable;
/** Intervals that are equal may be written differently: which of them a DISTINCT keeps is not told. */
export const distinct = (type: TypeName): boolean => sortable(type) && type !== "iv";
export const DISTINCT = TYPE_NAMES.filter(distinct);
/** Types that have `min` and `max`. */
export const hasLeast = (type: TypeName): boolean =>
  sortable(type) && !["bool", "uuid", "bytes", "ai", "at"].includes(type);

/** The statement that is being made. */
export class Making {
  readonly random: Random;
  readonly tables: readonly Table[];
  readonly expressions: Expressions;
  /** Common table expressions in reach. */
  common: readonly Table[] = [];
  #names = 0;

  constructor(random: Random, tables: readonly Table[], edges: boolean) {
    this.random = random;
    this.tables = tables;
    this.expressions = new Expressions(random, edges);
  }

  /** Forgets the statement before. */
  begin(): void {
    this.#names = 0;
    this.common = [];
  }

  name(letter: string): string {
    this.#names += 1;
    return `${letter}${this.#names}`;
  }

  types(from: readonly TypeName[]): TypeName[] {
    return Array.from({ length: 1 + this.random.below(3) }, () => this.random.pick(from));
  }
}
