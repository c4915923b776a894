// Random INSERTs, UPDATEs and DELETEs. No row is met by two others that would change it, since which of them wins is not told.
import type { Scope, Term } from "./expressions.ts";
import { clause, join, node, type SqlNode } from "./node.ts";
import { Making, type Parts, type Query, type Table } from "./query.ts";
import type { Random } from "./random.ts";
import { TYPE_NAMES } from "./types.ts";

const KEYS = 20;

const termsOf = (table: Table, alias: string): readonly Term[] =>
  table.columns.map(({ name, type }) => ({ type, sql: `${alias}.${name}` }));

const scopeOf = (...terms: readonly (readonly Term[])[]): Scope => ({ terms: terms.flat(), outer: [], keys: [] });

export class Writes {
  readonly #making: Making;

  constructor(random: Random, tables: readonly Table[], edges: boolean) {
    this.#making = new Making(random, tables, edges);
  }

  statement(): Query {
    this.#making.begin();
    const { random, tables } = this.#making;
    const target = random.pick(tables);
    const other = random.pick(tables);
    const roll = random.below(3);
    const made =
      roll === 0 ? this.#insert(target, other) : roll === 1 ? this.#update(target, other) : this.#delete(target, other);
    const returned = this.#making.types(TYPE_NAMES);
    const values = returned.map((type) => this.#making.expressions.of(type, 1, made.scope));
    const parts = [...made.parts, " RETURNING ", ...join(values, ", ")];
    const columns = target.columns.map(({ name }) => name).join(", ");
    const effect = `SELECT ${columns} FROM ${target.name} ORDER BY k`;
    return { node: node("write", parts), types: returned, isOrdered: false, effect };
  }

  #insert(target: Table, other: Table): Made {
    const { random } = this.#making;
    const columns = this.#columns(target);
    const list = ["k", ...columns.map(({ name }) => name)].join(", ");
    const rows = random.chance(1, 3) ? this.#selected(other, columns) : this.#values(columns);
    const own = termsOf(target, target.name);
    return {
      parts: [`INSERT INTO ${target.name} (${list}) `, ...rows, ...this.#conflict(columns, target)],
      scope: scopeOf(own),
    };
  }

  #values(columns: Table["columns"]): Parts {
    const { random, expressions } = this.#making;
    const keys = random.some(
      Array.from({ length: KEYS }, (_, at) => at + 1),
      3,
    );
    const rows = keys.map((key) =>
      node("row", [`(${key}`, ...columns.flatMap(({ type }) => [", ", expressions.of(type, 1, scopeOf())]), ")"]),
    );
    return ["VALUES ", ...join(rows, ", ")];
  }

  #selected(other: Table, columns: Table["columns"]): Parts {
    const { random, expressions } = this.#making;
    const scope = scopeOf(termsOf(other, "s"));
    const values = columns.flatMap(({ type }) => [", ", expressions.of(type, 1, scope)]);
    const where = clause(" WHERE ", expressions.of("bool", 1, scope));
    return [`SELECT s.k + ${random.below(KEYS)}`, ...values, ` FROM ${other.name} AS s`, where];
  }

  #conflict(columns: Table["columns"], target: Table): Parts {
    const { random, expressions } = this.#making;
    const roll = random.below(4);
    if (roll === 0) return [];
    if (roll === 1 || columns.length === 0)
      return [random.pick([" ON CONFLICT DO NOTHING", " ON CONFLICT (k) DO NOTHING"])];
    const scope = scopeOf(termsOf(target, target.name), termsOf(target, "excluded"));
    const where = random.chance(1, 3) ? [clause(" WHERE ", expressions.of("bool", 1, scope))] : [];
    return [" ON CONFLICT (k) DO UPDATE SET ", ...this.#assignments(columns, scope), ...where];
  }

  #update(target: Table, other: Table): Made {
    const { random } = this.#making;
    const own = termsOf(target, "t");
    const isJoined = random.chance(1, 2);
    const scope = isJoined ? scopeOf(own, termsOf(other, "s")) : scopeOf(own);
    const columns = this.#columns(target);
    const set = columns.length === 0 ? ["k = t.k"] : this.#assignments(columns, scope);
    const from = isJoined ? ` FROM ${other.name} AS s` : "";
    return { parts: [`UPDATE ${target.name} AS t SET `, ...set, from, ...this.#where(isJoined, scope)], scope };
  }

  #delete(target: Table, other: Table): Made {
    const { random } = this.#making;
    const own = termsOf(target, "t");
    const isJoined = random.chance(1, 2);
    const scope = isJoined ? scopeOf(own, termsOf(other, "s")) : scopeOf(own);
    const using = isJoined ? ` USING ${other.name} AS s` : "";
    return { parts: [`DELETE FROM ${target.name} AS t`, using, ...this.#where(isJoined, scope)], scope };
  }

  /** Joined by their keys, so that each row meets one other at most. */
  #where(isJoined: boolean, scope: Scope): Parts {
    return [isJoined ? " WHERE t.k = s.k AND " : " WHERE ", this.#making.expressions.of("bool", 2, scope)];
  }

  #assignments(columns: Table["columns"], scope: Scope): Parts {
    const set = columns.map(
      ({ name, type }): SqlNode => node("set", [`${name} = `, this.#making.expressions.of(type, 1, scope)]),
    );
    return join(set, ", ");
  }

  /** Some, in any case not the key. */
  #columns(target: Table): Table["columns"] {
    const others = target.columns.filter(({ name }) => name !== "k");
    return others.length === 0 ? [] : this.#making.random.some(others, 3);
  }
}

interface Made {
  readonly parts: Parts;
  /** What RETURNING may name. */
  readonly scope: Scope;
}
