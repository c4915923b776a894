// What PostgreSQL's parser accepted, as a statement of this dialect: data statements and transactions. Everything else is refused by name.
import type { Node, TransactionStmt } from "libpg-query";
import { DbError } from "../../base/errors.ts";
import type { DataStatement, Statement } from "../statement.ts";
import type { Postgres } from "./postgres.ts";
import type { BatchPart } from "./split-batch.ts";
import { syntaxError, unsupported, withOffset } from "./syntax-error.ts";
import { type Cursor, leadingWords } from "./tokens.ts";
import { usersStatementOf } from "./users-table.ts";

export function parsePostgresStatement(postgres: Postgres, part: BatchPart): Statement {
  const node = postgres.parse(part);
  if ("TransactionStmt" in node) return transactionOf(node.TransactionStmt, part.text);
  if ("VariableSetStmt" in node && node.VariableSetStmt.name === "timezone") throw noSessionZone();
  return usersStatementOf(node) ?? dataStatementOf(node) ?? refuse(part.text);
}

function noSessionZone(): DbError {
  return new DbError("UNSUPPORTED", "SET TIME ZONE is not supported: every session is in UTC", {
    hint: "Write t AT TIME ZONE 'Europe/Berlin' where another zone is wanted.",
  });
}

export function dataStatementOf(node: Node): DataStatement | undefined {
  if ("SelectStmt" in node) {
    if (node.SelectStmt.intoClause !== undefined) throw unsupported("SELECT … INTO");
    return { kind: "select", node };
  }
  if ("InsertStmt" in node) return { kind: "insert", node };
  if ("UpdateStmt" in node) return { kind: "update", node };
  return "DeleteStmt" in node ? { kind: "delete", node } : undefined;
}

function transactionOf({ kind, options = [], chain = false }: TransactionStmt, text: string): Statement {
  if (options.length > 0) throw unsupported("A transaction mode");
  if (chain) throw unsupported("AND CHAIN");
  switch (kind) {
    case "TRANS_STMT_BEGIN":
    case "TRANS_STMT_START":
      return { kind: "begin" };
    case "TRANS_STMT_COMMIT":
      return { kind: "commit" };
    case "TRANS_STMT_ROLLBACK":
      return { kind: "rollback" };
    default:
      return refuse(text);
  }
}

const TWO_WORD_STATEMENTS = ["CREATE", "ALTER", "DROP", "COMMENT", "ROLLBACK", "REFRESH", "SECURITY"];

/** Names the statement by its first words: `GRANT`, `CREATE MATERIALIZED VIEW`. */
export function refuse(text: string): never {
  const [first = "This statement", ...rest] = leadingWords(text, 5);
  const words = rest.join(" ") === "" ? [] : rest.filter((word) => word !== "OR" && word !== "REPLACE");
  const [second = "", third = ""] = words;
  if (!TWO_WORD_STATEMENTS.includes(first) || second === "") throw unsupported(first, 0);
  const isQualified = ["MATERIALIZED", "UNIQUE", "FOREIGN", "TEMP", "TEMPORARY", "UNLOGGED", "EVENT"].includes(second);
  throw unsupported(isQualified && third !== "" ? `${first} ${second} ${third}` : `${first} ${second}`, 0);
}

/** `EXPLAIN [LIVE | ANALYZE] statement`. */
export function parseExplain(cursor: Cursor, postgres: Postgres, part: BatchPart): Statement {
  cursor.expectWords("EXPLAIN");
  if (cursor.isWord("VERBOSE")) throw unsupported("EXPLAIN VERBOSE", cursor.peek().start);
  const analyze = cursor.takeWords("ANALYZE") || cursor.takeWords("ANALYSE");
  const live = !analyze && cursor.takeWords("LIVE");
  const { start } = cursor.peek();
  const innerText = cursor.source.slice(start);
  if (innerText === "") throw syntaxError("", start);
  const node = withOffset(start, () => postgres.parse({ text: innerText, chainTokens: part.chainTokens }));
  const inner = dataStatementOf(node) ?? refuse(innerText);
  if (live && inner.kind !== "select") throw unsupported("EXPLAIN LIVE of anything but a SELECT", start);
  if (analyze && inner.kind !== "select") throw unsupported("EXPLAIN ANALYZE of anything but a SELECT", start);
  return { kind: "explain", live, analyze, inner, innerText };
}
