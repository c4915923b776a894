// The tables of "Who may do what" in specs/sql.md, as the tests' expectations. What the section says and what the server does are held together by this.
import { atLeast, ROLES, type Role } from "../../src/model/role.ts";

const spec = await Bun.file(new URL("../../specs/sql.md", import.meta.url)).text();

/** Roles that an account can have. */
export const ACCOUNT_ROLES = ["user", "service", "dba", "system"] as const satisfies readonly Role[];
export type AccountRole = (typeof ACCOUNT_ROLES)[number];

export type Action = "read" | "write" | "live query" | "describe" | "CREATE" | "ALTER" | "DROP";

/** The cells of a Markdown table's rows, by the first of them. */
function tableAfter(heading: string, header: string): ReadonlyMap<string, readonly string[]> {
  const section = spec.slice(spec.indexOf(`\n${heading}\n`));
  const lines = section.slice(section.indexOf(`\n| ${header} |`) + 1).split("\n");
  const rows = lines
    .slice(
      0,
      lines.findIndex((line) => !line.startsWith("|")),
    )
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
  return new Map(rows.map(([first = "", ...rest]) => [first, rest]));
}

const RELATIONS = tableAfter("## Who may do what", "relation");
const PEOPLE = tableAfter("## Who may do what", "who");
const STATEMENTS = tableAfter("## Statements", "statement");

/** The roles of accounts that have at least the one a cell names. */
function rolesFrom(cell: string): readonly AccountRole[] {
  if (cell === "nobody") return [];
  const lowest = ROLES.find((role) => role === (cell === "admin" ? "dba" : cell));
  if (lowest === undefined) throw new Error(`"${cell}" is no role`);
  return ACCOUNT_ROLES.filter((role) => atLeast(role, lowest));
}

export function relationsOfPolicy(): readonly string[] {
  return [...RELATIONS.keys()].filter((name) => name !== "relation" && !name.startsWith("-"));
}

/** Who may do it to a relation of the table. */
export function mayTouch(relation: string, action: Action): readonly AccountRole[] {
  const place = RELATIONS.get("relation")?.indexOf(action) ?? -1;
  const cell = RELATIONS.get(relation)?.[place];
  if (cell === undefined) throw new Error(`no ${action} of ${relation}`);
  return rolesFrom(cell);
}

/** Whom a role may execute as, and which accounts it may manage. */
export function mayReach(role: AccountRole, what: "executeAs" | "manage"): readonly AccountRole[] {
  const cell = PEOPLE.get(role)?.[what === "executeAs" ? 0 : 1] ?? "";
  return ACCOUNT_ROLES.filter((other) => cell.split(", ").includes(other));
}

/** Who may run a statement, by its name in the table of statements. */
export function mayRun(name: string): readonly AccountRole[] {
  for (const [names, [role = ""]] of STATEMENTS) {
    if (names.split(", ").includes(name)) return rolesFrom(/^\w+/.exec(role)?.[0] ?? "");
  }
  throw new Error(`${name} is not in the table of statements`);
}
