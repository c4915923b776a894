// What there is: namespaces, tables, columns, views, indexes, users. Answers come from views that the server has for everybody where it has them.
import { CliError } from "../cli-error.ts";
import { runOwn } from "../run-statement.ts";
import { quotedLiteral, quotedName } from "../variables.ts";
import type { Command, CommandCall, CommandOutcome } from "./command.ts";

/** `chat.me*` and `me*`, as psql reads patterns: `*` any text, `?` one character. Conditions on the columns of a namespace and of a name. */
export function patternCondition(pattern: string | undefined, [namespace, name]: readonly [string, string]): string {
  if (pattern === undefined) return "TRUE";
  const dot = pattern.indexOf(".");
  const parts = dot === -1 ? [undefined, pattern] : [pattern.slice(0, dot), pattern.slice(dot + 1)];
  const [inNamespace, inName] = parts.map((part) =>
    part === undefined || part === "" || part === "*" ? undefined : quotedLiteral(likePattern(part)),
  );
  const conditions = [
    ...(inNamespace === undefined ? [] : [`${namespace} ILIKE ${inNamespace}`]),
    ...(inName === undefined ? [] : [`${name} ILIKE ${inName}`]),
  ];
  return conditions.length === 0 ? "TRUE" : conditions.join(" AND ");
}

function likePattern(pattern: string): string {
  return pattern
    .replace(/[\\%_]/g, "\\$&")
    .replaceAll("*", "%")
    .replaceAll("?", "_");
}

const OWN = "table_schema <> 'information_schema' AND table_schema <> 'system'";

function tables({ session, args }: CommandCall): Promise<CommandOutcome> {
  const condition = patternCondition(args[0], ["table_schema", "table_name"]);
  const own = args[0] === undefined ? ` AND ${OWN}` : "";
  return runOwn(
    `SELECT table_schema AS namespace, table_name AS name, COALESCE(kalamdb_table_type, lower(table_type)) AS kind, updated_at AS changed
     FROM information_schema.tables WHERE ${condition}${own} ORDER BY table_schema, table_name`,
    session,
  );
}

/** A name as statements write it: parts that need no quotes have none. */
function tableReference(name: string): string {
  const parts = name.split(".").map((part) => (/^[A-Za-z_]\w*$/.test(part) ? part : quotedName(part)));
  if (parts.length > 2 || parts.some((part) => part === '""')) throw new CliError(`no name of a table: ${name}`);
  return parts.join(".");
}

function describe(call: CommandCall): Promise<CommandOutcome> {
  const [name] = call.args;
  if (name === undefined || /[*?]/.test(name)) return tables(call);
  return runOwn(`DESCRIBE TABLE ${tableReference(name)}`, call.session, {
    columns: ["column_name", "data_type", "is_nullable", "is_primary_key", "column_default"],
  });
}

function views({ session, args }: CommandCall): Promise<CommandOutcome> {
  return runOwn(
    `SELECT table_schema AS namespace, table_name AS name, view_definition AS definition FROM information_schema.views
     WHERE ${patternCondition(args[0], ["table_schema", "table_name"])} ORDER BY table_schema, table_name`,
    session,
  );
}

function indexes({ session, args }: CommandCall): Promise<CommandOutcome> {
  return runOwn(
    `SELECT namespace_id AS namespace, table_name AS "table", index_name AS name, columns, is_unique AS "unique" FROM system.indexes
     WHERE ${patternCondition(args[0], ["namespace_id", "table_name"])} ORDER BY namespace_id, table_name, index_name`,
    session,
  );
}

function users({ session, args }: CommandCall): Promise<CommandOutcome> {
  return runOwn(
    `SELECT user_id AS "user", role, auth_type AS "signs in by", email, last_login_at AS "last login" FROM system.users
     WHERE deleted_at IS NULL AND ${patternCondition(args[0], ["role", "user_id"])} ORDER BY user_id`,
    session,
  );
}

function liveQueries({ session }: CommandCall): Promise<CommandOutcome> {
  return runOwn(
    'SELECT live_id, user_id AS "user", query, status, changes, created_at AS since FROM system.live ORDER BY created_at',
    session,
  );
}

function jobs({ session }: CommandCall): Promise<CommandOutcome> {
  return runOwn(
    "SELECT job_id, job_type AS kind, status, message, created_at AS created, finished_at AS finished FROM system.jobs ORDER BY created_at DESC LIMIT 50",
    session,
  );
}

export const CATALOG_COMMANDS: readonly Command[] = [
  { names: ["d"], args: "[TABLE]", help: "Columns of a table or view; without a name the tables.", run: describe },
  { names: ["dt", "tables"], args: "[PATTERN]", help: "Tables and views; chat.me* and me? are patterns.", run: tables },
  {
    names: ["dn", "l"],
    help: "Namespaces.",
    run: ({ session }) => runOwn("SHOW NAMESPACES", session, { columns: ["name", "table_count", "created_at"] }),
  },
  { names: ["dv"], args: "[PATTERN]", help: "Views and what they show.", run: views },
  { names: ["di"], args: "[PATTERN]", help: "Indexes; for administrators.", run: indexes },
  { names: ["du"], args: "[PATTERN]", help: "Users; for administrators.", run: users },
  { names: ["dl"], help: "Live queries under way; for administrators.", run: liveQueries },
  { names: ["dj"], help: "The newest jobs; for administrators.", run: jobs },
];
