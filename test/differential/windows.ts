// Random calls of window functions. Each window is ordered down to the keys, so that it has one order everywhere.
import type { Expressions, Scope } from "./expressions.ts";
import { clause, node, type SqlNode } from "./node.ts";
import { DISTINCT, hasLeast, type Parts } from "./query.ts";
import { SORTABLE, type TypeName } from "./types.ts";

export class Windows {
  readonly #expressions: Expressions;

  constructor(expressions: Expressions) {
    this.#expressions = expressions;
  }

  /** One call of a type; none where nothing tells the rows apart. */
  of(type: TypeName, scope: Scope): SqlNode | undefined {
    if (scope.keys.length === 0) return undefined;
    const { random } = this.#expressions;
    const of = (kind: TypeName): SqlNode => this.#expressions.of(kind, 1, scope);
    const call = random.pick(this.#calls(type, of));
    const over = random.chance(1, 2) ? clause("PARTITION BY ", of(random.pick(DISTINCT)), " ") : "";
    const frame = random.chance(1, 3) ? clause(` ${this.#frame()}`) : "";
    const filterable = typeof call[0] === "string" && /^(sum|avg|min|max|count|bool_or)/.test(call[0]);
    const filter = filterable && random.chance(1, 4) ? clause(" FILTER (WHERE ", of("bool"), ")") : "";
    const sort = this.#expressions.sortList([of(random.pick(SORTABLE))], scope);
    return node(type, [...call, filter, " OVER (", over, "ORDER BY ", ...sort, frame, ")"]);
  }

  #calls(type: TypeName, of: (type: TypeName) => SqlNode): readonly Parts[] {
    const { random } = this.#expressions;
    const calls: Parts[] = [
      [random.pick(["lag(", "lead("]), of(type), random.pick([")", ", 2)", ", 0)"])],
      [random.pick(["lag(", "lead("]), of(type), ", 1, ", of(type), ")"],
      [random.pick(["first_value(", "last_value("]), of(type), ")"],
      ["nth_value(", of(type), `, ${1 + random.below(3)})`],
    ];
    if (type === "i8")
      calls.push(["row_number()"], ["rank()"], ["dense_rank()"], ["count(*)"], ["sum(", of("i4"), ")"]);
    if (type === "i4") calls.push([`ntile(${1 + random.below(4)})`]);
    if (type === "f8") calls.push(["percent_rank()"], ["cume_dist()"], ["avg(", of("f8"), ")"]);
    if (type === "dec") calls.push(["sum(", of("dec"), ")"]);
    if (type === "bool") calls.push(["bool_or(", of("bool"), ")"]);
    if (hasLeast(type)) calls.push([random.pick(["min(", "max("]), of(type), ")"]);
    return calls;
  }

  #frame(): string {
    const { random } = this.#expressions;
    const kind = random.pick(["ROWS", "ROWS", "GROUPS"]);
    const start = random.pick(["UNBOUNDED PRECEDING", "2 PRECEDING", "1 PRECEDING", "CURRENT ROW"]);
    const end = random.pick(["CURRENT ROW", "1 FOLLOWING", "2 FOLLOWING", "UNBOUNDED FOLLOWING"]);
    const without = random.pick(["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE TIES", " EXCLUDE GROUP"]);
    return `${kind} BETWEEN ${start} AND ${end}${without}`;
  }
}
