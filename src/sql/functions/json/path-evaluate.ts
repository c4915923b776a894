// What a JSON path finds in a document. In lax mode arrays are taken apart where an item is asked for, and what is not there is nothing; in strict mode both are errors.
import { DbError } from "../../../base/errors.ts";
import {
  compared,
  failing,
  matchesRegex,
  numberOf,
  PathFailure,
  regexOf,
  roundedItem,
  scalar,
  silently,
  startsWith,
  type Truth,
  toDouble,
  typeName,
} from "./path-items.ts";
import { calculate, negated, placeOf } from "./path-numbers.ts";
import { isCondition, type JsonPath, type PathMethod, type PathNode, type PathStep } from "./path-syntax.ts";
import { JSON_NULL, type JsonTree, parseJsonTree } from "./tree.ts";

/** Items looked at; documents are bounded, but a path may look at each for each. */
const MAX_ITEMS = 200_000;

interface Around {
  /** `@`. */
  readonly current: JsonTree;
  /** What `last` counts. */
  readonly size: number | undefined;
}

export interface PathInput {
  readonly path: JsonPath;
  readonly document: JsonTree;
  /** An object. */
  readonly variables: JsonTree;
  /** Of those that the path asks for, told one by one: an error may come after some. */
  readonly found: (item: JsonTree) => void;
}

interface Walk {
  readonly steps: readonly PathStep[];
  readonly at: number;
  readonly around: Around;
}

export function findItems({ found, ...input }: PathInput): void {
  new PathRun(input).each(input.path.root, { current: input.document, size: undefined }, found);
}

export function singleBoolean(items: readonly JsonTree[]): boolean | null {
  const [item, ...others] = items;
  const text = item?.kind === "scalar" && others.length === 0 ? item.text : "";
  if (text === "null") return null;
  if (text === "true" || text === "false") return text === "true";
  throw new PathFailure("single boolean result is expected");
}

class PathRun {
  readonly #isStrict: boolean;
  readonly #document: JsonTree;
  readonly #variables: JsonTree;
  #left = MAX_ITEMS;
  /** After `.**` what is not there is nothing in strict mode too. */
  #isForgiving = false;

  constructor({ path, document, variables }: Omit<PathInput, "found">) {
    this.#isStrict = path.isStrict;
    this.#document = document;
    this.#variables = variables;
  }

  each(node: PathNode, around: Around, found: (item: JsonTree) => void): void {
    if (node.kind !== "steps") {
      for (const item of this.#items(node, around)) found(item);
      return;
    }
    for (const item of this.#items(node.of, around)) this.#follow(item, { steps: node.steps, at: 0, around }, found);
  }

  #items(node: PathNode, around: Around): readonly JsonTree[] {
    this.#count(1);
    if (isCondition(node)) {
      const truth = this.#truth(node, around);
      return [truth === undefined ? JSON_NULL : scalar(String(truth))];
    }
    switch (node.kind) {
      case "root":
        return [this.#document];
      case "current":
        return [around.current];
      case "last":
        return [scalar(String((around.size ?? 0) - 1))];
      case "variable":
        return [this.#variable(node.name)];
      case "literal":
        return [parseJsonTree(node.text.replace(/^\./, "0.").replace(/\.$/, ""))];
      case "steps": {
        const all: JsonTree[] = [];
        this.each(node, around, (item) => all.push(item));
        return all;
      }
      case "sign":
        return this.#unwrapped(this.#items(node.of, around)).map((item) => this.#signed(node.op, item));
      case "arithmetic": {
        const left = this.#operand("left", node.op, this.#items(node.left, around));
        const right = this.#operand("right", node.op, this.#items(node.right, around));
        return [scalar(failing(() => calculate(node.op, left, right)))];
      }
    }
  }

  #count(items: number): void {
    this.#left -= items;
    if (this.#left < 0) throw new DbError("SQL_EXECUTION_ERROR", "the document is too large for this jsonpath");
  }

  #variable(name: string): JsonTree {
    const value = this.#variables.kind === "object" ? this.#variables.members.get(name) : undefined;
    if (value !== undefined) return value;
    throw new DbError("SQL_EXECUTION_ERROR", `could not find jsonpath variable ${JSON.stringify(name)}`);
  }

  #signed(op: "+" | "-", item: JsonTree): JsonTree {
    const number = numberOf(item);
    if (number === undefined) throw new PathFailure(`operand of unary jsonpath operator ${op} is not a numeric value`);
    return scalar(op === "-" ? negated(number) : number);
  }

  #operand(side: "left" | "right", op: string, items: readonly JsonTree[]): string {
    const [item, ...others] = this.#unwrapped(items);
    const number = item === undefined || others.length > 0 ? undefined : numberOf(item);
    if (number !== undefined) return number;
    throw new PathFailure(`${side} operand of jsonpath operator ${op} is not a single numeric value`);
  }

  /** In lax mode arrays become their elements. */
  #unwrapped(items: readonly JsonTree[]): readonly JsonTree[] {
    if (this.#isStrict || !items.some(({ kind }) => kind === "array")) return items;
    const all = items.flatMap((item) => (item.kind === "array" ? item.elements : [item]));
    this.#count(all.length);
    return all;
  }

  /** One item through all steps before the next. */
  #follow(item: JsonTree, walk: Walk, found: (item: JsonTree) => void): void {
    this.#count(1);
    const { steps, at, around } = walk;
    const step = steps[at];
    if (step === undefined) return found(item);
    const before = this.#isForgiving;
    const next = this.#stepped(step, item, around);
    if (step.kind === "descend") this.#isForgiving = true;
    for (const one of next) this.#follow(one, { steps, at: at + 1, around }, found);
    this.#isForgiving = before;
  }

  #stepped(step: PathStep, item: JsonTree, around: Around): readonly JsonTree[] {
    switch (step.kind) {
      case "member":
        return this.#unwrapped([item]).flatMap((one) => this.#member(one, step.key));
      case "anyMember":
        return this.#unwrapped([item]).flatMap((one) => {
          if (one.kind === "object") return [...one.members.values()];
          return this.#missing("jsonpath wildcard member accessor can only be applied to an object");
        });
      case "anyElement":
        return this.#elements(item, "wildcard array accessor");
      case "elements":
        return this.#picked(step.ranges, item, around);
      case "descend":
        return this.#below(item, step, 0);
      case "filter":
        return this.#unwrapped([item]).filter(
          (one) => this.#truth(step.condition, { current: one, size: around.size }) === true,
        );
      case "method":
        return this.#called(step.name, item);
    }
  }

  /** Nothing, or an error in strict mode. */
  #missing(message: string): readonly JsonTree[] {
    if (this.#isStrict && !this.#isForgiving) throw new PathFailure(message);
    return [];
  }

  #member(item: JsonTree, key: string): readonly JsonTree[] {
    if (item.kind !== "object") return this.#missing("jsonpath member accessor can only be applied to an object");
    const value = item.members.get(key);
    return value === undefined ? this.#missing(`JSON object does not contain key ${JSON.stringify(key)}`) : [value];
  }

  #elements(item: JsonTree, what: string): readonly JsonTree[] {
    if (item.kind === "array") return item.elements;
    if (!this.#isStrict) return [item];
    return this.#missing(`jsonpath ${what} can only be applied to an array`);
  }

  #picked(
    ranges: Extract<PathStep, { kind: "elements" }>["ranges"],
    item: JsonTree,
    { current }: Around,
  ): readonly JsonTree[] {
    if (item.kind !== "array" && this.#isStrict) {
      return this.#missing("jsonpath array accessor can only be applied to an array");
    }
    const elements = this.#elements(item, "array accessor");
    const around: Around = { current, size: elements.length };
    return ranges.flatMap((range) => {
      const from = this.#place(range.from, around);
      const to = range.to === range.from ? from : this.#place(range.to, around);
      const isOutside = from < 0 || from > to || to >= elements.length;
      if (isOutside && this.#isStrict && !this.#isForgiving) {
        throw new PathFailure("jsonpath array subscript is out of bounds");
      }
      return elements.slice(Math.max(0, from), Math.max(0, to + 1));
    });
  }

  #place(node: PathNode, around: Around): number {
    const [item, ...others] = this.#items(node, around);
    const number = item === undefined || others.length > 0 ? undefined : numberOf(item);
    if (number === undefined) throw new PathFailure("jsonpath array subscript is not a single numeric value");
    const place = placeOf(number);
    if (place === undefined || Math.abs(place) > 0x7fff_ffff) {
      throw new PathFailure("jsonpath array subscript is out of integer range");
    }
    return place;
  }

  #below(item: JsonTree, step: Extract<PathStep, { kind: "descend" }>, level: number): readonly JsonTree[] {
    this.#count(1);
    const own = level >= step.from && level <= step.until ? [item] : [];
    // `.**{last}`: what has nothing below it.
    const isLeaf = item.kind === "scalar";
    if (step.from === Number.POSITIVE_INFINITY && isLeaf) return [item];
    if (isLeaf || level >= step.until) return own;
    const inside = item.kind === "array" ? item.elements : [...item.members.values()];
    return [...own, ...inside.flatMap((one) => this.#below(one, step, level + 1))];
  }

  #called(name: PathMethod, item: JsonTree): readonly JsonTree[] {
    if (name === "type") return [scalar(JSON.stringify(typeName(item)))];
    if (name === "size") return this.#size(item);
    return this.#unwrapped([item]).map((one) => (name === "double" ? toDouble(one) : roundedItem(one, name)));
  }

  #size(item: JsonTree): readonly JsonTree[] {
    if (item.kind === "array") return [scalar(String(item.elements.length))];
    if (!this.#isStrict) return [scalar("1")];
    return this.#missing("jsonpath item method .size() can only be applied to an array");
  }

  #truth(node: PathNode, around: Around): Truth {
    this.#count(1);
    switch (node.kind) {
      case "and": {
        const left = this.#truth(node.left, around);
        if (left === false) return false;
        const right = this.#truth(node.right, around);
        return right === true ? left : right;
      }
      case "or": {
        const left = this.#truth(node.left, around);
        if (left === true) return true;
        const right = this.#truth(node.right, around);
        return right === false ? left : right;
      }
      case "not": {
        const truth = this.#truth(node.of, around);
        return truth === undefined ? undefined : !truth;
      }
      case "isUnknown":
        return this.#truth(node.of, around) === undefined;
      case "exists":
        return silently(() => this.#items(node.of, around).length > 0);
      default:
        return this.#tested(node, around);
    }
  }

  #tested(node: PathNode, around: Around): Truth {
    switch (node.kind) {
      case "compare": {
        const left = silently(() => this.#unwrapped(this.#items(node.left, around)));
        const right = left && silently(() => this.#unwrapped(this.#items(node.right, around)));
        if (left === undefined || right === undefined) return undefined;
        return this.#any(left, (a) => this.#any(right, (b) => compared(node.op, a, b)));
      }
      case "startsWith": {
        const items = silently(() => this.#unwrapped(this.#items(node.of, around)));
        const [prefix] = this.#items(node.prefix, around);
        return items && this.#any(items, (item) => startsWith(item, prefix));
      }
      case "likeRegex": {
        const items = silently(() => this.#unwrapped(this.#items(node.of, around)));
        const pattern = regexOf(node.pattern, node.flags);
        return items && this.#any(items, (item) => matchesRegex(item, pattern));
      }
      default:
        throw new Error(`no condition: ${node.kind}`);
    }
  }

  /** In strict mode all are looked at, and one that is unknown makes the whole unknown. */
  #any(items: readonly JsonTree[], test: (item: JsonTree) => Truth): Truth {
    this.#count(items.length);
    let isFound = false;
    let isUnknown = false;
    for (const item of items) {
      const truth = test(item);
      if (truth === true && !this.#isStrict) return true;
      if (truth === undefined && this.#isStrict) return undefined;
      isFound ||= truth === true;
      isUnknown ||= truth === undefined;
    }
    if (isFound) return true;
    return isUnknown ? undefined : false;
  }
}
