// ALTER TABLE: decides on the next version, has query processes check the rows where the change demands it, and commits. Nothing here takes longer for a
// table with more rows, but for that check, which is off the main thread.
import { assertMayAlterTable } from "../auth/access.ts";
import { DbError } from "../base/errors.ts";
import { type Name, type Scope, type Seq, SHARED_SCOPE } from "../base/ids.ts";
import type { Column, TableSchema } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import type { StatementResult } from "../protocol/http.ts";
import { anyRowPlan } from "../sql/row-condition.ts";
import type { AlterTable } from "../sql/statement.ts";
import type { WriteTx } from "../storage/seams.ts";
import { alterColumns, type RowCondition } from "./alter-columns.ts";
import { namespaceOf } from "./ddl.ts";
import type { EngineDeps } from "./deps.ts";
import { relationHint } from "./names.ts";
import { messageResult } from "./outcome.ts";
import type { Caller } from "./session.ts";
import { assertViewsHold } from "./view-dependents.ts";
import { SYSTEM_NAMESPACES } from "./views/registry.ts";
import { StaleRead } from "./write.ts";

/** A check begins anew when the table was altered, or its newest rows flushed, in between. */
const MAX_CHECKS = 8;
/** Scopes whose rows are checked at once. */
const CHECKS_AT_ONCE = 8;
/** Rows written during the check are looked at on the main thread, so many in a turn: under a millisecond. */
const ROWS_AT_ONCE = 1_000;

export async function alterTable(statement: AlterTable, call: Caller, deps: EngineDeps): Promise<StatementResult> {
  const { session } = call;
  const namespace = namespaceOf(statement.table, session);
  const name = `${namespace}.${statement.table.name}`;
  if (SYSTEM_NAMESPACES.has(namespace)) {
    const message = `Cannot alter system table '${name}'. System tables are managed internally.`;
    throw new DbError("UNSUPPORTED", message);
  }
  const context: Context = {
    statement,
    namespace,
    generate: deps.defaults.forStatement(session.user, call.nowUs),
    call,
    deps,
  };
  let checked: Checked | undefined;
  for (let checks = 0; checks <= MAX_CHECKS; ) {
    const { value } = await deps.writer.submit((tx) => decide(tx, context, checked));
    if (value.kind === "done") {
      // Of a large buffer: those of columns that are gone.
      if (value.dropsIndexes === true) await deps.indexes.sweep();
      return messageResult(session, `Table ${name} ${value.text}`);
    }
    if (value.kind === "inspected") {
      checked = value.checked;
      continue;
    }
    checks += 1;
    checked = { table: value.table, from: deps.writer.position, through: deps.writer.position };
    try {
      await checkRows(value, context, deps);
    } catch (error) {
      // Altered meanwhile, so that it is decided anew.
      if (!(error instanceof StaleRead)) throw error;
      checked = undefined;
    }
  }
  throw new DbError("WRITE_CONFLICT", `Table ${name} kept changing while it was altered`, {
    hint: "Run the statement again.",
  });
}

interface Context {
  readonly statement: AlterTable;
  readonly namespace: Name;
  readonly generate: (column: Column) => Cell;
  readonly call: Caller;
  readonly deps: Pick<EngineDeps, "preparer" | "tableDefinitionRole">;
}

/** Rows that are known to satisfy the conditions. */
interface Checked {
  readonly table: TableSchema;
  /** Everything up to here was read by query processes… */
  readonly from: Seq;
  /** …and what was written since, up to here, was looked at in the buffer. */
  readonly through: Seq;
}

interface Unchecked {
  readonly table: TableSchema;
  readonly conditions: readonly RowCondition[];
}

type Decision =
  | { readonly kind: "done"; readonly text: string; readonly dropsIndexes?: boolean }
  | (Unchecked & { readonly kind: "unchecked" })
  /** Some more rows were looked at; there are others. */
  | { readonly kind: "inspected"; readonly checked: Checked };

/** Inside the writer, on the table as it is at this moment, whatever else the open transaction did to it. */
function decide(
  tx: WriteTx,
  { statement, namespace, generate, call, deps }: Context,
  checked: Checked | undefined,
): Decision {
  const { name } = statement.table;
  const table = tx.catalog.table(namespace, name);
  if (table === undefined) {
    if (statement.ifExists) return { kind: "done", text: "does not exist (skipped)" };
    const hint = relationHint(namespace, name, tx.catalog);
    throw new DbError("TABLE_NOT_FOUND", `Table '${name}' not found in namespace '${namespace}'`, hint);
  }
  assertMayAlterTable(call.session.role, table, deps.tableDefinitionRole);
  const { isEffective, conditions, text, change } = alterColumns(table, statement.actions, generate);
  if (!isEffective) {
    return { kind: "done", text: `unchanged: ${text} (version ${table.version} - no changes needed)` };
  }
  if (conditions.length > 0 && table.kind === "stream") {
    throw new DbError("UNSUPPORTED", `A change that depends on the rows is not supported for STREAM tables: ${text}`);
  }
  if (conditions.length > 0) {
    if (checked === undefined || !isStillTrue(tx, table, checked)) return { kind: "unchecked", table, conditions };
    const through = checkNewRows(tx, { table, conditions }, checked.through);
    if (through !== undefined) return { kind: "inspected", checked: { ...checked, through } };
  }
  const { version } = tx.alterTable(table, change);
  assertViewsHold(tx.catalog, deps, ({ tables }) => tables.includes(table.id));
  const dropsIndexes = change.indexes !== undefined && change.indexes.length < (table.indexes?.length ?? 0);
  return { kind: "done", text: `altered successfully: ${text} (version ${version})`, dropsIndexes };
}

/** Not after another ALTER; nor if rows written since the check are flushed already, where neither half of it would see them. */
function isStillTrue(tx: WriteTx, table: TableSchema, checked: Checked): boolean {
  if (table.id !== checked.table.id || table.version !== checked.table.version) return false;
  return tx.catalog.segmentsOfTable(table.id).every(({ maxSeq }) => maxSeq <= checked.from);
}

/** Looks at some of the rows written since; the position to go on from, or undefined when all of them satisfy the conditions. */
function checkNewRows(tx: WriteTx, { table, conditions }: Unchecked, after: Seq): Seq | undefined {
  const columns = conditions.flatMap(({ kind, column }) => (kind === "noNulls" ? [column] : []));
  const rows = tx.inspectRows(table, { after, columns, limit: ROWS_AT_ONCE });
  for (const { kind, column, failure } of conditions) {
    if (kind === "noRows" ? rows.hasLiveRow : rows.nulls.has(column)) throw failure;
  }
  return rows.through;
}

/** Every row of every scope, buffered or flushed, in query processes. Throws the failure of a condition that some row does not satisfy. */
async function checkRows({ table, conditions }: Unchecked, { call }: Context, deps: EngineDeps): Promise<void> {
  const flushed = deps.catalog.segmentsOfTable(table.id).map(({ scope }) => scope);
  const scopes = [...new Set<Scope>([...deps.writer.bufferedScopes(table.id), ...flushed])];
  const checkScope = async (scope: Scope, { kind, column, failure }: RowCondition): Promise<void> => {
    const plan = anyRowPlan(table, kind === "noNulls" ? column : undefined);
    const slots = scope === SHARED_SCOPE ? [] : [scope];
    const { rows } = await deps.queries.cells({ plan, slots }, call.signal);
    if (rows.length > 0) throw failure;
  };
  for (let start = 0; start < scopes.length; start += CHECKS_AT_ONCE) {
    const some = scopes.slice(start, start + CHECKS_AT_ONCE);
    await Promise.all(some.flatMap((scope) => conditions.map((condition) => checkScope(scope, condition))));
  }
}
