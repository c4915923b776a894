// `@>`: does the left document contain the right one, by jsonb's rules. Work is bounded by a step budget, since arrays of containers compare pairwise.
import { DbError } from "../../../base/errors.ts";
import { BOOLEAN } from "../../../model/sql-type.ts";
import { defineFunction, preparedOverload } from "../definition.ts";
import { memoizeLast } from "../memoize-last.ts";
import { canonicalNumber } from "./canonical-number.ts";
import { eachElement, eachMember, jsonKind, unquote } from "./scan.ts";

const MAX_DEPTH = 200;
const MAX_STEPS = 200_000;

/** A scalar is its canonical text, strings marked by a leading quote. */
type Tree =
  | string
  | { readonly kind: "object"; readonly members: ReadonlyMap<string, Tree> }
  | { readonly kind: "array"; readonly scalars: ReadonlySet<string>; readonly containers: readonly Tree[] };

function parseTree(json: string, depth: number): Tree {
  if (depth > MAX_DEPTH) throw new DbError("SQL_EXECUTION_ERROR", `json is nested deeper than ${MAX_DEPTH} levels`);
  const kind = jsonKind(json);
  if (kind === "object") {
    const members = new Map<string, Tree>();
    eachMember(json, (key, value) => members.set(key, parseTree(value, depth + 1)));
    return { kind, members };
  }
  if (kind === "array") {
    const [scalars, containers] = [new Set<string>(), new Array<Tree>()];
    eachElement(json, (element) => {
      const tree = parseTree(element, depth + 1);
      if (typeof tree === "string") scalars.add(tree);
      else containers.push(tree);
    });
    return { kind, scalars, containers };
  }
  const text = json.trim();
  if (kind === "string") return `"${unquote(text)}`;
  return kind === "number" ? canonicalNumber(text) : text;
}

interface Budget {
  steps: number;
}

function contains(left: Tree, right: Tree, budget: Budget): boolean {
  budget.steps -= 1;
  if (budget.steps < 0) throw new DbError("SQL_EXECUTION_ERROR", "json documents are too large to compare with @>");
  if (typeof left === "string" || typeof right === "string") return left === right;
  if (left.kind === "object" && right.kind === "object") {
    return [...right.members].every(([key, value]) => {
      const own = left.members.get(key);
      return own !== undefined && contains(own, value, budget);
    });
  }
  if (left.kind === "array" && right.kind === "array") {
    if (![...right.scalars].every((scalar) => left.scalars.has(scalar))) return false;
    return right.containers.every((wanted) => left.containers.some((own) => contains(own, wanted, budget)));
  }
  return false;
}

/** At the top an array also contains a bare scalar that is one of its elements. */
function containsDocument(left: Tree, right: Tree): boolean {
  if (typeof right === "string" && typeof left !== "string") return left.kind === "array" && left.scalars.has(right);
  return contains(left, right, { steps: MAX_STEPS });
}

export const jsonbContains = defineFunction("jsonb_contains", [
  preparedOverload(["json", "json"], BOOLEAN, () => {
    const wanted = memoizeLast((json = "") => parseTree(json, 0));
    return (left, right) => containsDocument(parseTree(left, 0), wanted(right));
  }),
]);

export function jsonContainsDocument(whole: string, part: string): boolean {
  return containsDocument(parseTree(whole, 0), parseTree(part, 0));
}
