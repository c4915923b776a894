// SQL text as a tree, so that a statement that two databases answer differently can be made smaller without being parsed: an expression gives way to a NULL,
// a simpler value or a part of the same type, a clause to nothing.

export interface SqlNode {
  /** A type of `types.ts`, or "clause". Only an expression stands in for another. */
  readonly type: string;
  readonly parts: readonly (string | SqlNode)[];
  /** Texts that may stand in its place. */
  readonly simpler?: readonly string[];
}

export function node(type: string, parts: readonly (string | SqlNode)[], simpler?: readonly string[]): SqlNode {
  return simpler === undefined ? { type, parts } : { type, parts, simpler };
}

/** Left out where the statement stays interesting without it. */
export function clause(...parts: readonly (string | SqlNode)[]): SqlNode {
  return node("clause", parts, [""]);
}

export function sqlOf(part: string | SqlNode): string {
  return typeof part === "string" ? part : part.parts.map(sqlOf).join("");
}

export function join(nodes: readonly (string | SqlNode)[], between: string): readonly (string | SqlNode)[] {
  return nodes.flatMap((part, index) => (index === 0 ? [part] : [between, part]));
}

/** Every statement one step smaller. */
export function* smaller(root: SqlNode): Generator<SqlNode> {
  const text = sqlOf(root);
  for (const one of standIns(root)) {
    if (sqlOf(one).length < text.length) yield one;
  }
  for (const [index, part] of root.parts.entries()) {
    if (typeof part === "string") continue;
    for (const reduced of smaller(part)) {
      yield { ...root, parts: root.parts.map((other, at) => (at === index ? reduced : other)) };
    }
  }
}

function* standIns(root: SqlNode): Generator<SqlNode> {
  for (const text of root.simpler ?? []) yield { type: root.type, parts: [text] };
  if (root.type !== "clause") yield* within(root, root.type);
}

function* within(root: SqlNode, type: string): Generator<SqlNode> {
  for (const part of root.parts) {
    if (typeof part === "string") continue;
    if (part.type === type) yield part;
    yield* within(part, type);
  }
}
