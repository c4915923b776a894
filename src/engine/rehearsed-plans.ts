// The first statement of a kind costs the main thread 5 to 15 ms more than the next, in functions that are read and compiled then. So after its start the server plans some
// that nobody asked, over a table that does not exist, as far as they go without storage. Nothing is kept: no plan, no count.
import { parseUserId, seqOf } from "../base/ids.ts";
import type { TableSchema } from "../model/schema.ts";
import { encodeSuccess } from "../protocol/http.ts";
import { resolveSlots } from "../sql/bind/slots.ts";
import type { Generators } from "../sql/functions/generators.ts";
import { liftLiterals } from "../sql/lift-literals.ts";
import type { Parser } from "../sql/parse/parser.ts";
import type { BindContext, DataPlan } from "../sql/plan.ts";
import { planData } from "../sql/planner.ts";
import { SAMPLE_SCHEMA } from "../storage/cold/segment-sample.ts";
import { readCounted } from "./counted-rows.ts";
import { queryRequest } from "./query/runner.ts";
import { pointTarget } from "./reads.ts";

export interface RehearsalDeps {
  readonly parser: Parser;
  readonly generators: Generators;
  /** Asked before each statement. */
  readonly isWanted: () => boolean;
}

/** The first reads and compiles functions, the others make what is called often faster: 20 ms, 3 ms each. */
const ROUNDS = 3;

/** Of each kind that applications send. */
const STATEMENTS = [
  "SELECT count(*) AS n FROM sample.rows",
  "SELECT count(*) AS n, sum(amount) AS total FROM sample.rows WHERE kind = 'kind 1'",
  "SELECT kind, count(*) + 1 AS n, avg(amount) AS mean FROM sample.rows GROUP BY kind HAVING count(*) > 2 ORDER BY n DESC",
  "SELECT * FROM sample.rows WHERE id = 1",
  "SELECT id, body FROM sample.rows WHERE amount >= 1 AND kind IN ('a', 'b') ORDER BY at DESC LIMIT 100",
  "SELECT a.id, b.body FROM sample.rows a JOIN sample.rows b ON a.amount = b.id WHERE a.share > 0.5 LIMIT 20",
  "INSERT INTO sample.rows (id, body, at) VALUES (1, 'text', NOW())",
  "UPDATE sample.rows SET amount = amount + 1 WHERE id = 1",
  "DELETE FROM sample.rows WHERE kind = 'kind 1'",
] as const;

/** Each is a part of a statement. */
export function* rehearsedPlans(deps: RehearsalDeps): Generator<void, void> {
  const context = sampleContext(SAMPLE_SCHEMA);
  for (const text of Array.from({ length: ROUNDS }, () => STATEMENTS).flat()) {
    if (!deps.isWanted()) return;
    const [parsed] = deps.parser.parse(text);
    yield;
    if (parsed === undefined) continue;
    const { literals } = liftLiterals(text);
    const { statement } = parsed;
    if (!("node" in statement)) continue;
    const { plan } = planData(statement, { text, literals, context, generators: deps.generators });
    yield;
    rehearse(plan, literals);
    yield;
  }
}

function rehearse(plan: DataPlan, literals: ReturnType<typeof liftLiterals>["literals"]): void {
  const slots = resolveSlots(plan.slots, { ...NOBODY, literals });
  if (plan.kind !== "query") return;
  const query = { plan, slots };
  const rows = readCounted(query, NO_ROWS) ?? { rowsJson: "[]", rowCount: 0 };
  pointTarget(query);
  queryRequest(query, "json", { versions: () => [] });
  encodeSuccess([{ schema: plan.output, ...rows, asUser: NOBODY.user, isPlanKnown: false }], 0);
}

const NOBODY = {
  params: [],
  user: parseUserId("nobody"),
  role: "user",
  nowUs: 0n,
  viewRows: () => "[]",
} as const;

const NO_ROWS = {
  catalog: { segments: () => [], flushedUpTo: () => seqOf(0n) },
  reader: { all: () => [["0"]] },
  writer: { bufferedRows: () => 0 },
} as const;

function sampleContext(schema: TableSchema): BindContext {
  return {
    namespace: schema.namespace,
    findRelation: (namespace, name) => (namespace === schema.namespace && name === schema.name ? schema : undefined),
    hasNamespace: (namespace) => namespace === schema.namespace,
    relationsLike: () => [],
    namespaces: () => [],
  };
}
