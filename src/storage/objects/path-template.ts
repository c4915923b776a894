// Templates of storages: where in a storage the files of a table and of a user lie. A variable stands at the end of a folder's name, and its value holds no
// separator, so that no value climbs out of its folder and no two tables or users share one.
import { DbError } from "../../base/errors.ts";
import { type Scope, SHARED_SCOPE } from "../../base/ids.ts";
import type { TableSchema } from "../../model/schema.ts";
import { userFolder } from "./user-folder.ts";

export type TemplateKind = "shared" | "user";

const VARIABLES = ["namespace", "tableName", "shard", "userId"] as const;
type Variable = (typeof VARIABLES)[number];

/** Other spellings of the variables. */
const ALIASES: Readonly<Record<string, Variable>> = {
  namespace_id: "namespace",
  namespaceId: "namespace",
  table_name: "tableName",
  tablename: "tableName",
  table: "tableName",
  user_id: "userId",
  userid: "userId",
};

/** What begins like this is ours in every storage: the mark of its owner, checks, backups. */
const RESERVED = "_kalamdb_";
/** Backups in a storage lie here. No namespace begins with an underscore. */
export const BACKUPS_FOLDER = `${RESERVED}backups`;

const MAX_TEMPLATE_CHARACTERS = 200;
const MAX_FOLDERS = 12;
/** With the longest value after it, it is still a name in every file system. */
const LITERAL = /^[A-Za-z0-9_=][A-Za-z0-9_=.-]{0,49}$/;

/** The template with its variables as `{namespace}`, `{tableName}`, `{shard}` and `{userId}`. Throws INVALID_INPUT for one that is not safe. */
export function parseTemplate(text: string, kind: TemplateKind): string {
  const invalid = (why: string): DbError =>
    new DbError("INVALID_INPUT", `The template ${JSON.stringify(text.slice(0, MAX_TEMPLATE_CHARACTERS))} ${why}`, {
      hint:
        kind === "user"
          ? "For example: {namespace}/{tableName}/{shard}/{userId}"
          : "For example: {namespace}/{tableName}",
    });
  if (text.length > MAX_TEMPLATE_CHARACTERS) throw invalid(`is longer than ${MAX_TEMPLATE_CHARACTERS} characters`);
  const folders = text.split("/");
  if (folders.length > MAX_FOLDERS) throw invalid(`has more than ${MAX_FOLDERS} folders`);
  if (text.startsWith(RESERVED)) throw invalid(`begins with '${RESERVED}', which is reserved`);
  const found: Variable[] = [];
  const normal = folders.map((folder) => {
    const [, literal = "", name] = /^([^{}]*)(?:\{([^{}]*)\})?$/.exec(folder) ?? [undefined, "{"];
    if (name === undefined ? !LITERAL.test(literal) : literal !== "" && !LITERAL.test(literal)) {
      throw invalid(
        "has a folder that is not at most 50 letters, digits, '_', '-', '=' and '.', with at most one variable at its end",
      );
    }
    if (name === undefined) return literal;
    const variable = VARIABLES.find((one) => one === name) ?? ALIASES[name];
    if (variable === undefined) throw invalid(`has the unknown variable {${name}}`);
    if (found.includes(variable)) throw invalid(`has {${variable}} twice`);
    found.push(variable);
    return `${literal}{${variable}}`;
  });
  const required: readonly Variable[] =
    kind === "user" ? ["namespace", "tableName", "userId"] : ["namespace", "tableName"];
  const missing = required.find((variable) => !found.includes(variable));
  if (missing !== undefined) throw invalid(`lacks {${missing}}`);
  const unfit = found.find((variable) => kind === "shared" && (variable === "userId" || variable === "shard"));
  if (unfit !== undefined) throw invalid(`has {${unfit}}, which only a template for USER tables can have`);
  if (found.some((variable, at) => at > 0 && order(variable) < order(found[at - 1]))) {
    throw invalid("must have its variables in the order {namespace}, {tableName}, {shard}, {userId}");
  }
  return normal.join("/");
}

function order(variable: Variable | undefined): number {
  return variable === undefined ? -1 : VARIABLES.indexOf(variable);
}

export type TableIdentity = Pick<TableSchema, "namespace" | "name" | "id">;

/** `{tableName}` is `{name}-{id}`: the id keeps a dropped table and its successor of the same name apart. */
export function folderOf(template: string, table: TableIdentity, scope: Scope): string {
  const values: Readonly<Record<string, string>> = {
    namespace: table.namespace,
    tableName: `${table.name}-${table.id}`,
    ...(scope === SHARED_SCOPE ? {} : { shard: shardOf(scope), userId: userFolder(scope) }),
  };
  return template.replace(/\{(\w+)\}/g, (_all, name: string) => values[name] ?? "_");
}

/** The part of it that all users of the table share. */
export function tableFolderOf(template: string, table: TableIdentity): string {
  const end = template.indexOf("{tableName}") + "{tableName}".length;
  return folderOf(template.slice(0, end), table, SHARED_SCOPE);
}

/** Alphabetic: the first letter or digit of the id, in lower case; `_` for anything else. */
export function shardOf(user: string): string {
  const first = user.slice(0, 1).toLowerCase();
  return /^[a-z0-9]$/.test(first) ? first : "_";
}
