// Finds the ranges that contain a value in O(log n + found): a treap ordered by low bound, each node knowing the highest bound below it.
// Bounds are numbers or bigints, which JavaScript compares exactly with each other; or all of them are texts, in the order of their UTF-16 units.

export type RangeValue = number | bigint | string;

export interface Range {
  /** Undefined: unbounded. */
  readonly low: RangeValue | undefined;
  readonly lowInclusive: boolean;
  readonly high: RangeValue | undefined;
  readonly highInclusive: boolean;
}

interface TreeNode<T> {
  readonly range: Range;
  readonly item: T;
  readonly order: number;
  readonly priority: number;
  /** Undefined: some range below is unbounded. */
  maxHigh: RangeValue | undefined;
  left: TreeNode<T> | undefined;
  right: TreeNode<T> | undefined;
}

type Tree<T> = TreeNode<T> | undefined;

export class IntervalTree<T> {
  #root: Tree<T>;
  #added = 0;
  readonly #nodes = new Map<T, TreeNode<T>>();

  get size(): number {
    return this.#nodes.size;
  }

  /** An item has one range; adding it again is our bug and would lose the first. */
  add(item: T, range: Range): void {
    if (this.#nodes.has(item)) throw new Error("the item already has a range");
    this.#added += 1;
    const node: TreeNode<T> = {
      range,
      item,
      order: this.#added,
      priority: scrambled(this.#added),
      maxHigh: range.high,
      left: undefined,
      right: undefined,
    };
    this.#nodes.set(item, node);
    const { below, above } = split(this.#root, node);
    this.#root = merge(merge(below, node), above);
  }

  delete(item: T): void {
    const node = this.#nodes.get(item);
    if (node === undefined) return;
    this.#nodes.delete(item);
    this.#root = remove(this.#root, node);
  }

  /** Calls `found` for every item whose range contains the value. */
  search(value: RangeValue, found: (item: T) => void): void {
    searchTree(this.#root, value, found);
  }
}

/** Spreads consecutive numbers over 32 bits, so that the tree is balanced whatever order ranges come in. */
function scrambled(value: number): number {
  let x = Math.imul(value, 0x9e37_79b1);
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  return (x ^ (x >>> 13)) >>> 0;
}

/** Order by low bound, unbounded first, then by insertion. */
function isBefore<T>(a: TreeNode<T>, b: TreeNode<T>): boolean {
  const [lowA, lowB] = [a.range.low, b.range.low];
  if (lowA === undefined || lowB === undefined) return lowA === lowB ? a.order < b.order : lowA === undefined;
  if (lowA < lowB) return true;
  return lowB < lowA ? false : a.order < b.order;
}

function refresh<T>(node: TreeNode<T>): TreeNode<T> {
  let high = node.range.high;
  for (const child of [node.left, node.right]) {
    if (child === undefined || high === undefined) continue;
    high = child.maxHigh === undefined || child.maxHigh > high ? child.maxHigh : high;
  }
  node.maxHigh = high;
  return node;
}

function split<T>(tree: Tree<T>, at: TreeNode<T>): { below: Tree<T>; above: Tree<T> } {
  if (tree === undefined) return { below: undefined, above: undefined };
  if (isBefore(tree, at)) {
    const { below, above } = split(tree.right, at);
    tree.right = below;
    return { below: refresh(tree), above };
  }
  const { below, above } = split(tree.left, at);
  tree.left = above;
  return { below, above: refresh(tree) };
}

function merge<T>(below: Tree<T>, above: Tree<T>): Tree<T> {
  if (below === undefined) return above;
  if (above === undefined) return below;
  if (below.priority > above.priority) {
    below.right = merge(below.right, above);
    return refresh(below);
  }
  above.left = merge(below, above.left);
  return refresh(above);
}

function remove<T>(tree: Tree<T>, node: TreeNode<T>): Tree<T> {
  if (tree === undefined) return undefined;
  if (tree === node) return merge(tree.left, tree.right);
  if (isBefore(node, tree)) tree.left = remove(tree.left, node);
  else tree.right = remove(tree.right, node);
  return refresh(tree);
}

function searchTree<T>(tree: Tree<T>, value: RangeValue, found: (item: T) => void): void {
  // Nothing below reaches up to the value.
  if (tree === undefined || (tree.maxHigh !== undefined && tree.maxHigh < value)) return;
  searchTree(tree.left, value, found);
  const { low, high, lowInclusive, highInclusive } = tree.range;
  const aboveLow = low === undefined || low < value || (lowInclusive && low <= value);
  // Ranges to the right begin at or above this one.
  if (!aboveLow && low > value) return;
  if (aboveLow && (high === undefined || value < high || (highInclusive && value <= high))) found(tree.item);
  searchTree(tree.right, value, found);
}
