// INSERT, UPDATE and DELETE on system.users: the account statements in the form of rows. One user at a time, named by id; anything more general is refused by name.
import type { A_Expr, DeleteStmt, InsertStmt, Node, RangeVar, ResTarget, UpdateStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { Statement, UserField, UserValue } from "../statement.ts";
import { constantOf } from "./constant.ts";
import { unsupported } from "./syntax-error.ts";

const FIELDS: readonly UserField[] = ["user_id", "password", "role", "email", "locked_until", "deleted_at"];
const HINT = "One user at a time: VALUES of constants or parameters, and WHERE user_id = '…'.";

/** Undefined: not about system.users. */
export function usersStatementOf(node: Node): Statement | undefined {
  if ("InsertStmt" in node) return isUsers(node.InsertStmt.relation) ? insertOf(node.InsertStmt) : undefined;
  if ("UpdateStmt" in node) return isUsers(node.UpdateStmt.relation) ? updateOf(node.UpdateStmt) : undefined;
  if ("DeleteStmt" in node) return isUsers(node.DeleteStmt.relation) ? deleteOf(node.DeleteStmt) : undefined;
  return undefined;
}

function isUsers(relation: RangeVar | undefined): boolean {
  return relation?.schemaname === "system" && relation.relname === "users";
}

function insertOf(statement: InsertStmt): Statement {
  const { cols = [], selectStmt } = statement;
  refuseClauses([statement.onConflictClause, statement.returningClause, statement.withClause], "INSERT");
  const lists = selectStmt !== undefined && "SelectStmt" in selectStmt ? (selectStmt.SelectStmt.valuesLists ?? []) : [];
  const [list] = lists;
  if (lists.length !== 1 || list === undefined || !("List" in list) || cols.length === 0) throw refused("INSERT");
  const values = (list.List.items ?? []).map((item) => valueOf(item, "INSERT"));
  if (values.length !== cols.length) {
    throw new DbError("INVALID_SQL", "INSERT has another number of values than of columns");
  }
  const fields = cols.map((column, index) => ({ name: fieldOf(column), value: values[index] ?? NULL }));
  return { kind: "insertUser", fields };
}

function updateOf(statement: UpdateStmt): Statement {
  const { targetList = [], whereClause } = statement;
  refuseClauses([statement.returningClause, statement.withClause, statement.fromClause], "UPDATE");
  const fields = targetList.map((target) => ({ name: fieldOf(target), value: assignedValue(target) }));
  return { kind: "updateUser", user: namedUser(whereClause, "UPDATE"), fields };
}

function deleteOf(statement: DeleteStmt): Statement {
  refuseClauses([statement.returningClause, statement.withClause, statement.usingClause], "DELETE");
  return { kind: "deleteUser", user: namedUser(statement.whereClause, "DELETE") };
}

const NULL: UserValue = { kind: "text", text: null };

function refuseClauses(clauses: readonly unknown[], verb: string): void {
  if (clauses.some((clause) => clause !== undefined)) throw refused(verb);
}

function refused(verb: string): DbError {
  const { code, message } = unsupported(`This form of ${verb} on system.users`);
  return new DbError(code, message, { hint: HINT });
}

function fieldOf(node: Node): UserField {
  const name = "ResTarget" in node ? (node.ResTarget.name ?? "") : "";
  const field = FIELDS.find((known) => known === name);
  if (field !== undefined) return field;
  throw new DbError("COLUMN_NOT_FOUND", `column "${name}" of relation "system.users" cannot be written`, {
    hint: `These can: ${FIELDS.join(", ")}.`,
  });
}

function assignedValue(node: Node): UserValue {
  const target: ResTarget = "ResTarget" in node ? node.ResTarget : {};
  if (target.val === undefined) throw refused("UPDATE");
  return valueOf(target.val, "UPDATE");
}

function valueOf(node: Node, verb: string): UserValue {
  if ("ParamRef" in node) return { kind: "parameter", index: (node.ParamRef.number ?? 1) - 1 };
  const constant = "A_Const" in node ? constantOf(node.A_Const) : undefined;
  if (constant?.kind === "null") return NULL;
  if (constant?.kind === "string") return { kind: "text", text: constant.text };
  throw refused(verb);
}

/** `user_id = value`, and nothing else. */
function namedUser(where: Node | undefined, verb: string): UserValue {
  const expression: A_Expr | undefined = where !== undefined && "A_Expr" in where ? where.A_Expr : undefined;
  const { kind, name = [], lexpr, rexpr } = expression ?? {};
  const [operator] = name;
  const isEqual = kind === "AEXPR_OP" && operator !== undefined && "String" in operator && operator.String.sval === "=";
  if (!isEqual || rexpr === undefined || lexpr === undefined || !("ColumnRef" in lexpr)) throw refused(verb);
  const column = lexpr.ColumnRef.fields?.at(-1);
  if (column === undefined || !("String" in column) || column.String.sval !== "user_id") throw refused(verb);
  return valueOf(rexpr, verb);
}
