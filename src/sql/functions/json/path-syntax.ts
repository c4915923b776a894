// A JSON path read into a tree: accessors of items, arithmetic, and conditions.
import { DbError } from "../../../base/errors.ts";
import type { CompareOp } from "../../expression.ts";
import { type PathToken, pathError, pathTokens } from "./path-tokens.ts";

export type ArithmeticOp = "+" | "-" | "*" | "/" | "%";
export type PathMethod = "type" | "size" | "double" | "ceiling" | "floor" | "abs";

export type PathStep =
  | { readonly kind: "member"; readonly key: string }
  | { readonly kind: "anyMember" | "anyElement" }
  /** `.**{from to until}`: levels below the item, itself included. */
  | { readonly kind: "descend"; readonly from: number; readonly until: number }
  | { readonly kind: "elements"; readonly ranges: readonly { readonly from: PathNode; readonly to: PathNode }[] }
  | { readonly kind: "filter"; readonly condition: PathNode }
  | { readonly kind: "method"; readonly name: PathMethod };

export type PathNode =
  | { readonly kind: "root" | "current" | "last" }
  | { readonly kind: "variable"; readonly name: string }
  /** As jsonb writes it. */
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "steps"; readonly of: PathNode; readonly steps: readonly PathStep[] }
  | { readonly kind: "arithmetic"; readonly op: ArithmeticOp; readonly left: PathNode; readonly right: PathNode }
  | { readonly kind: "sign"; readonly op: "+" | "-"; readonly of: PathNode }
  | Condition;

type Condition =
  | { readonly kind: "compare"; readonly op: CompareOp; readonly left: PathNode; readonly right: PathNode }
  | { readonly kind: "and" | "or"; readonly left: PathNode; readonly right: PathNode }
  | { readonly kind: "not" | "isUnknown" | "exists"; readonly of: PathNode }
  | { readonly kind: "startsWith"; readonly of: PathNode; readonly prefix: PathNode }
  | { readonly kind: "likeRegex"; readonly of: PathNode; readonly pattern: string; readonly flags: string };

export interface JsonPath {
  readonly isStrict: boolean;
  readonly root: PathNode;
}

const MAX_DEPTH = 100;
const METHODS: ReadonlySet<string> = new Set(["type", "size", "double", "ceiling", "floor", "abs"]);
const COMPARISONS: ReadonlyMap<string, CompareOp> = new Map([
  ["==", "="],
  ["!=", "<>"],
  ["<>", "<>"],
  ["<", "<"],
  ["<=", "<="],
  [">", ">"],
  [">=", ">="],
]);

export function parseJsonPath(text: string): JsonPath {
  return new PathParser(pathTokens(text)).path();
}

export function isCondition(node: PathNode): node is Condition {
  return ["compare", "and", "or", "not", "isUnknown", "exists", "startsWith", "likeRegex"].includes(node.kind);
}

class PathParser {
  readonly #tokens: readonly PathToken[];
  #at = 0;
  #depth = 0;
  /** `@` has a meaning. */
  #filters = 0;
  /** `last` has one. */
  #subscripts = 0;

  constructor(tokens: readonly PathToken[]) {
    this.#tokens = tokens;
  }

  path(): JsonPath {
    const isStrict = this.#takeName("strict");
    if (!isStrict) this.#takeName("lax");
    const root = this.#disjunction();
    if (this.#next.kind !== "end") throw pathError(this.#next.text);
    return { isStrict, root };
  }

  get #next(): PathToken {
    return this.#tokens[this.#at] ?? { kind: "end", text: "" };
  }

  #take(symbol: string): boolean {
    const found = this.#next.kind === "symbol" && this.#next.text === symbol;
    if (found) this.#at += 1;
    return found;
  }

  #takeName(name: string): boolean {
    const found = this.#next.kind === "name" && this.#next.text === name;
    if (found) this.#at += 1;
    return found;
  }

  #expect(symbol: string): void {
    if (!this.#take(symbol)) throw pathError(this.#next.text);
  }

  #deeper<T>(read: () => T): T {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new DbError("INVALID_VALUE", `a jsonpath is at most ${MAX_DEPTH} levels deep`);
    const value = read();
    this.#depth -= 1;
    return value;
  }

  #disjunction(): PathNode {
    let left = this.#conjunction();
    while (this.#take("||")) left = { kind: "or", left: condition(left), right: condition(this.#conjunction()) };
    return left;
  }

  #conjunction(): PathNode {
    let left = this.#negation();
    while (this.#take("&&")) left = { kind: "and", left: condition(left), right: condition(this.#negation()) };
    return left;
  }

  #negation(): PathNode {
    if (!this.#take("!")) return this.#comparison();
    return this.#deeper(() => ({ kind: "not", of: condition(this.#negation()) }));
  }

  #comparison(): PathNode {
    const left = this.#sum();
    const op = this.#next.kind === "symbol" ? COMPARISONS.get(this.#next.text) : undefined;
    if (op !== undefined) {
      this.#at += 1;
      return { kind: "compare", op, left: value(left), right: value(this.#sum()) };
    }
    if (this.#takeName("starts")) {
      if (!this.#takeName("with")) throw pathError(this.#next.text);
      const prefix = this.#primary();
      if (prefix.kind !== "literal" && prefix.kind !== "variable") throw pathError("with");
      return { kind: "startsWith", of: value(left), prefix };
    }
    if (this.#takeName("like_regex")) return { kind: "likeRegex", of: value(left), ...this.#regex() };
    return left;
  }

  #regex(): { readonly pattern: string; readonly flags: string } {
    const pattern = this.#string();
    const flags = this.#takeName("flag") ? this.#string() : "";
    if (!/^[imsq]*$/.test(flags)) {
      throw new DbError("UNSUPPORTED", `like_regex with the flags ${JSON.stringify(flags)} is not supported`);
    }
    return { pattern, flags };
  }

  #string(): string {
    const { kind, text } = this.#next;
    if (kind !== "string") throw pathError(text);
    this.#at += 1;
    return text;
  }

  #sum(): PathNode {
    let left = this.#product();
    for (;;) {
      const op = this.#take("+") ? "+" : this.#take("-") ? "-" : undefined;
      if (op === undefined) return left;
      left = { kind: "arithmetic", op, left: value(left), right: value(this.#product()) };
    }
  }

  #product(): PathNode {
    let left = this.#signed();
    for (;;) {
      const op = this.#take("*") ? "*" : this.#take("/") ? "/" : this.#take("%") ? "%" : undefined;
      if (op === undefined) return left;
      left = { kind: "arithmetic", op, left: value(left), right: value(this.#signed()) };
    }
  }

  #signed(): PathNode {
    const op = this.#take("-") ? "-" : this.#take("+") ? "+" : undefined;
    if (op === undefined) return this.#accessed();
    return this.#deeper(() => ({ kind: "sign", op, of: value(this.#signed()) }));
  }

  #accessed(): PathNode {
    const of = this.#primary();
    const steps: PathStep[] = [];
    for (let step = this.#step(); step !== undefined; step = this.#step()) steps.push(step);
    return steps.length === 0 ? of : { kind: "steps", of, steps };
  }

  #primary(): PathNode {
    const token = this.#next;
    if (this.#take("(")) return this.#deeper(() => this.#bracketed());
    this.#at += 1;
    switch (token.kind) {
      case "number":
      case "string":
        return { kind: "literal", text: token.kind === "number" ? token.text : JSON.stringify(token.text) };
      case "variable":
        return { kind: "variable", name: token.text };
      case "symbol":
        if (token.text === "$") return { kind: "root" };
        if (token.text === "@" && this.#filters > 0) return { kind: "current" };
        throw pathError(token.text);
      default:
        return this.#word(token.text);
    }
  }

  #word(text: string): PathNode {
    if (text === "true" || text === "false" || text === "null") return { kind: "literal", text };
    if (text === "last" && this.#subscripts > 0) return { kind: "last" };
    if (text !== "exists") throw pathError(text);
    this.#expect("(");
    const of = this.#deeper(() => this.#sum());
    this.#expect(")");
    return { kind: "exists", of };
  }

  #bracketed(): PathNode {
    const inside = this.#disjunction();
    this.#expect(")");
    if (!isCondition(inside) || !this.#takeName("is")) return inside;
    if (!this.#takeName("unknown")) throw pathError(this.#next.text);
    return { kind: "isUnknown", of: inside };
  }

  #step(): PathStep | undefined {
    if (this.#take("?")) return this.#filter();
    if (this.#take("[")) return this.#take("*") ? this.#closed({ kind: "anyElement" }) : this.#subscript();
    if (!this.#take(".")) return undefined;
    if (this.#take("**")) return this.#levels();
    if (this.#take("*")) return { kind: "anyMember" };
    const { kind, text } = this.#next;
    if (kind !== "name" && kind !== "string") throw pathError(text);
    this.#at += 1;
    if (kind === "string" || !this.#take("(")) return { kind: "member", key: text };
    this.#expect(")");
    if (!METHODS.has(text)) throw new DbError("UNSUPPORTED", `jsonpath .${text}() is not supported`);
    return { kind: "method", name: text as PathMethod };
  }

  #closed(step: PathStep): PathStep {
    this.#expect("]");
    return step;
  }

  #filter(): PathStep {
    this.#expect("(");
    this.#filters += 1;
    const found = condition(this.#deeper(() => this.#disjunction()));
    this.#filters -= 1;
    this.#expect(")");
    return { kind: "filter", condition: found };
  }

  #subscript(): PathStep {
    this.#subscripts += 1;
    const ranges: { readonly from: PathNode; readonly to: PathNode }[] = [];
    do {
      const from = this.#deeper(() => this.#sum());
      ranges.push({ from, to: this.#takeName("to") ? this.#deeper(() => this.#sum()) : from });
    } while (this.#take(","));
    this.#subscripts -= 1;
    return this.#closed({ kind: "elements", ranges });
  }

  #levels(): PathStep {
    if (!this.#take("{")) return { kind: "descend", from: 0, until: Number.POSITIVE_INFINITY };
    const from = this.#level();
    const until = this.#takeName("to") ? this.#level() : from;
    this.#expect("}");
    return { kind: "descend", from, until };
  }

  #level(): number {
    if (this.#takeName("last")) return Number.POSITIVE_INFINITY;
    const { kind, text } = this.#next;
    if (kind !== "number" || !/^\d{1,6}$/.test(text)) throw pathError(text);
    this.#at += 1;
    return Number(text);
  }
}

function condition(node: PathNode): PathNode {
  if (isCondition(node)) return node;
  throw pathError("");
}

function value(node: PathNode): PathNode {
  if (!isCondition(node)) return node;
  throw pathError("");
}
