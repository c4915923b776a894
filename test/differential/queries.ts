// Random queries as whole statements: SELECTs, set operations of them, common table expressions before them, and an order of the rows.
import type { Scope } from "./expressions.ts";
import { clause, join, node, type SqlNode } from "./node.ts";
import { DISTINCT, Making, type Parts, type Query, sortable, type Table } from "./query.ts";
import type { Random } from "./random.ts";
import { Selects } from "./selects.ts";
import { TYPE_NAMES, type TypeName } from "./types.ts";

const SET_OPERATORS = ["UNION", "UNION ALL", "EXCEPT", "EXCEPT ALL", "INTERSECT", "INTERSECT ALL"];

export class Queries {
  readonly #making: Making;
  readonly #selects: Selects;

  constructor(random: Random, tables: readonly Table[], edges: boolean) {
    this.#making = new Making(random, tables, edges);
    this.#selects = new Selects(this.#making);
  }

  /** A whole statement. */
  statement(): Query {
    this.#making.begin();
    const { random } = this.#making;
    if (random.chance(1, 3)) return this.#plain();
    const head: SqlNode[] = [];
    if (random.chance(1, 6)) {
      const [before, table] = random.chance(1, 4) ? this.#recursive() : this.#with();
      head.push(before);
      this.#making.common = [table];
    }
    const made = random.chance(1, 6)
      ? this.#setOperation(this.#making.types(DISTINCT))
      : this.#selects.of(undefined, [], 3);
    const isOrderable = !made.isOrdered && made.types.every(sortable) && random.chance(1, 2);
    const tail = isOrderable ? this.#order(made.types.length) : [];
    const isOrdered = made.isOrdered || isOrderable;
    if (!isOrdered) return { ...made, node: node("query", [...head, made.node]) };
    // What has an order keeps it while it is made smaller: no part of it stands in its place.
    const inner = { ...made.node, type: isOrderable ? "sorted" : "ordered" };
    return { node: node("ordered", [...head, inner, ...tail]), types: made.types, isOrdered };
  }

  /** Values of each row of one table, and nothing else. */
  #plain(): Query {
    const { random, tables, expressions } = this.#making;
    const table = random.pick(tables);
    const terms = table.columns.map(({ name, type }) => ({ type, sql: `t.${name}` }));
    const types = this.#making.types(TYPE_NAMES);
    const values = types.map((type) => expressions.of(type, 2, { terms, outer: [], keys: [] }));
    const parts = [
      "SELECT ",
      ...join(values, ", "),
      ` FROM ${table.name} AS t`,
      clause(` WHERE t.k = ${1 + random.below(14)}`),
      " ORDER BY t.k",
    ];
    return { node: node("ordered", parts), types, isOrdered: true, isStrict: true };
  }

  /** By every column, by its place. */
  #order(count: number): Parts {
    const { random } = this.#making;
    const terms = Array.from(
      { length: count },
      (_, at) => `${at + 1}${random.pick(["", " DESC", " ASC"])}${random.pick(["", " NULLS FIRST", " NULLS LAST"])}`,
    );
    const limit = random.chance(1, 3) ? [clause(` LIMIT ${random.below(7)}`)] : [];
    const offset = random.chance(1, 5) ? [clause(` OFFSET ${random.below(5)}`)] : [];
    return [" ORDER BY ", ...join(terms, ", "), ...limit, ...offset];
  }

  #with(): [SqlNode, Table] {
    const inner = this.#selects.of(undefined, [], 2);
    const name = this.#making.name("c");
    const columns = inner.types.map((type, at) => ({ name: `${name}_${at}`, type }));
    const list = columns.map((column) => column.name).join(", ");
    const marked = this.#making.random.pick(["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
    return [node("with", [`WITH ${name} (${list}) AS ${marked}(`, inner.node, ") "]), { name, columns }];
  }

  #recursive(): [SqlNode, Table] {
    const { random, expressions } = this.#making;
    const name = this.#making.name("r");
    const columns = [
      { name: "n", type: "i4" },
      { name: "s", type: "text" },
    ] as const;
    const all = random.pick([" ALL", " ALL", ""]);
    const terms = columns.map((column) => ({ type: column.type, sql: `${name}.${column.name}` }));
    const scope: Scope = { terms, outer: [], keys: [] };
    const step = expressions.of("text", 1, scope);
    const parts = [
      `WITH RECURSIVE ${name} (n, s) AS (SELECT ${random.below(3)}, 'a'::text UNION${all} SELECT ${name}.n + 1, left(`,
      step,
      `, 20) FROM ${name} WHERE ${name}.n < ${2 + random.below(5)}) `,
    ];
    return [node("with", parts), { name, columns }];
  }

  #setOperation(types: readonly TypeName[]): Query {
    const { random } = this.#making;
    const sides = [this.#selects.of(types, [], 2), this.#selects.of(types, [], 2)];
    if (random.chance(1, 4)) sides.push(this.#selects.of(types, [], 1));
    const parts = sides.flatMap((side, at): Parts => {
      const operator = at === 0 ? "" : ` ${random.pick(SET_OPERATORS)} `;
      return [operator, "(", side.node, ")"];
    });
    return { node: node("query", parts), types, isOrdered: false };
  }
}
