// Distances of embeddings: `<->` (l2_distance), `<=>` (cosine_distance), `<#>` (the inner product, negated so that the nearest sort first), `<+>` (l1_distance).
import { DbError } from "../../../base/errors.ts";
import { embeddingNumbers } from "../../../model/embedding.ts";
import { type Cell, DOUBLE, INT } from "../../../model/sql-type.ts";
import { alias, defineFunction, type FunctionDefinition, overload } from "../definition.ts";

type Numbers = Float32Array;

function distanceFunction(name: string, distance: (a: Numbers, b: Numbers) => number | null): FunctionDefinition {
  return defineFunction(name, [
    overload(["embedding", "embedding"], DOUBLE, (left, right): Cell => {
      const [a, b] = [embeddingNumbers(left), embeddingNumbers(right)];
      if (a.length !== b.length) {
        throw new DbError("SQL_EXECUTION_ERROR", `different embedding dimensions ${a.length} and ${b.length}`);
      }
      return distance(a, b);
    }),
  ]);
}

function dotProduct(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum + 0;
}

function euclidean(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}

function taxicab(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] ?? 0) - (b[i] ?? 0));
  return sum;
}

/** From 0 (one direction) to 2 (opposite ones); NULL where an embedding of zeros has no direction. */
function cosine(a: Numbers, b: Numbers): number | null {
  const lengths = Math.sqrt(dotProduct(a, a) * dotProduct(b, b));
  if (lengths === 0) return null;
  return 1 - Math.min(1, Math.max(-1, dotProduct(a, b) / lengths));
}

export const l2Distance = distanceFunction("l2_distance", euclidean);
export const l1Distance = distanceFunction("l1_distance", taxicab);
export const cosineDistance = distanceFunction("cosine_distance", cosine);
export const innerProduct = distanceFunction("inner_product", dotProduct);
export const dot = alias("dot", innerProduct);
export const negativeInnerProduct = distanceFunction("negative_inner_product", (a, b) => 0 - dotProduct(a, b));

export const vectorDimensions = defineFunction("vector_dims", [
  overload(["embedding"], INT, (embedding) => embeddingNumbers(embedding).length),
]);

export const vectorNorm = defineFunction("vector_norm", [
  overload(["embedding"], DOUBLE, (embedding) => {
    const numbers = embeddingNumbers(embedding);
    return Math.sqrt(dotProduct(numbers, numbers));
  }),
]);
