// The table, row and statements that the micro-benchmarks share: a chat message of about 180 bytes.

import { systemClock } from "../src/base/clock.ts";
import { parseName, type Seq, seqOf } from "../src/base/ids.ts";
import type { RowVersion } from "../src/model/change.ts";
import type { TableSchema } from "../src/model/schema.ts";
import { BIGINT, TEXT } from "../src/model/sql-type.ts";
import { createGenerators } from "../src/sql/functions/generators.ts";
import { liftLiterals } from "../src/sql/lift-literals.ts";
import type { Parser } from "../src/sql/parse/parser.ts";
import type { BindContext, LivePlan } from "../src/sql/plan.ts";
import { type PlanInput, planLive } from "../src/sql/planner.ts";
import type { DataStatement, Statement } from "../src/sql/statement.ts";
import { table } from "../test/protocol/layout.ts";

/** `chat.messages`. */
export const MESSAGES: TableSchema = table([
  ["id", BIGINT],
  ["room", TEXT],
  ["body", TEXT],
]);

const FIRST_SEQ = 327_500_846_641_356_801n;
const BODY = "the quick brown fox jumps over the lazy dog, ".repeat(4);

export function messageRow(index: number, room = "hall"): RowVersion {
  const seq: Seq = seqOf(FIRST_SEQ + BigInt(index));
  return { seq, deleted: false, cells: [BigInt(index), room, BODY] };
}

export const STATEMENTS = {
  "point select": "SELECT id, room, body FROM chat.messages WHERE id = 4711",
  insert: `INSERT INTO chat.messages (id, room, body) VALUES (4711, 'hall', '${BODY}')`,
  "join and group": `SELECT m.room, count(*) AS messages, max(m.id) FROM chat.messages m JOIN chat.messages n ON n.id = m.id
     WHERE m.room IN ('hall', 'lobby') AND length(n.body) > 10 GROUP BY m.room HAVING count(*) > 3 ORDER BY 2 DESC LIMIT 20`,
} as const;

const CONTEXT: BindContext = {
  namespace: parseName("chat"),
  findRelation: (namespace, name) => (namespace === "chat" && name === "messages" ? MESSAGES : undefined),
  hasNamespace: (namespace) => namespace === "chat",
  relationsLike: () => [],
  namespaces: () => ["chat"],
};

export function planInput(text: string): PlanInput {
  return { text, literals: liftLiterals(text).literals, context: CONTEXT, generators: createGenerators(systemClock) };
}

export function parseData(parser: Parser, text: string): DataStatement {
  const [parsed] = parser.parse(text);
  if (parsed === undefined || !isData(parsed.statement)) throw new Error(`no data statement: ${text}`);
  return parsed.statement;
}

function isData(statement: Statement): statement is DataStatement {
  return ["select", "insert", "update", "delete"].includes(statement.kind);
}

/** A live plan without literals: its filter's values come in through parameters. */
export function livePlan(parser: Parser, where: string): LivePlan {
  const text = `SELECT * FROM chat.messages WHERE ${where}`;
  return planLive(parseData(parser, text), { ...planInput(text), literals: [] }).plan;
}
