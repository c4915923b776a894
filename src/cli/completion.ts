// What Tab offers: commands, keywords and names that fit where the cursor stands. Pure: the text and the catalog in, candidates out.
import type { Catalog } from "./catalog.ts";
import { skipQuoted, splitInput } from "./sql-lexer.ts";

export interface CompletionInput {
  readonly text: string;
  readonly cursor: number;
  readonly catalog: Catalog;
  /** Where names without a namespace are looked up. */
  readonly namespace: string | undefined;
  /** With their backslash. */
  readonly commands: readonly string[];
}

export interface Completion {
  /** The word that is completed begins here. */
  readonly from: number;
  /** Sorted, each once. */
  readonly candidates: readonly string[];
}

const KEYWORDS: readonly string[] = [
  "ADD|ALL|ALTER|ALTER TABLE|ALTER USER|AND|ANY|AS|ASC|BACKUP DATABASE TO|BEGIN|BETWEEN|BY|CASCADE|CASE|CAST",
  "|COALESCE|COLUMN|COMMIT|CONFLICT|COUNT|CREATE|CREATE API KEY|CREATE INDEX|CREATE NAMESPACE",
  "|CREATE SHARED TABLE|CREATE STORAGE|CREATE STREAM TABLE|CREATE USER|CREATE USER TABLE|CREATE VIEW|CROSS",
  "|CURRENT_USER|DEFAULT|DELETE FROM|DESC|DESCRIBE|DISTINCT|DO|DROP|DROP NAMESPACE|DROP TABLE|DROP USER",
  "|DROP VIEW|ELSE|END|EXCEPT|EXECUTE AS USER|EXISTS|EXPLAIN|EXPORT USER DATA|FALSE|FILE|FILTER|FROM|FULL",
  "|GROUP BY|HAVING|IF|ILIKE|IN|INNER|INSERT INTO|INTERSECT|INTERVAL|INTO|IS|JOIN|KEY|KILL CONNECTION|KILL JOB",
  "|KILL LIVE QUERY|LATERAL|LEFT|LIKE|LIMIT|NOT|NOTHING|NOW|NULL|NULLS|OFFSET|ON|OPTIONS|OR|ORDER BY|OUTER|OVER",
  "|PARTITION BY|PASSWORD|PRIMARY KEY|RENAME|RETURNING|RIGHT|ROLE|ROLLBACK|SELECT|SET|SHOW|SHOW API KEYS",
  "|SHOW COLUMNS|SHOW CREATE TABLE|SHOW INDEXES FROM|SHOW NAMESPACES|SHOW STORAGES|SHOW TABLES|SHOW USERS",
  "|SIMILAR TO|SNOWFLAKE_ID|STORAGE COMPACT TABLE|STORAGE FLUSH ALL|STORAGE FLUSH TABLE|SUBSCRIBE TO|TABLE|THEN",
  "|TRUE|TRUNCATE|UNION|UNIQUE|UPDATE|UPSERT INTO|USE|USING|VALUES|VIEW|WHEN|WHERE|WITH|YEAR",
]
  .join("")
  .split("|");

const WORD_BEFORE = /(?:"(?:[^"]|"")*"?|[\w$\u0080-\uffff])*(?:\.(?:"(?:[^"]|"")*"?|[\w$\u0080-\uffff]*))*$/;
const WANTS_TABLE =
  /\b(?:from|join|into|update|table|describe|desc|to|truncate|subscribe\s+to|columns\s+from|indexes\s+from)\s+(?:if\s+(?:not\s+)?exists\s+)?$/i;
const WANTS_NAMESPACE = /\b(?:use|namespace|in)\s+$/i;
const TABLE_COMMANDS = /^\\(?:d|dt|dv|di|tables|subscribe|live|download)\s+$/;
const NAMESPACE_COMMANDS = /^\\(?:c|use)\s+$/;

export function completionOf(input: CompletionInput): Completion {
  const before = input.text.slice(0, input.cursor);
  const command = commandBefore(before);
  if (command !== undefined) return commandCompletion(command, input);
  if (isQuoted(before)) return { from: input.cursor, candidates: [] };
  const word = WORD_BEFORE.exec(before)?.[0] ?? "";
  const from = input.cursor - word.length;
  return { from, candidates: fitting(word, candidatesFor(word, before.slice(0, from), input)) };
}

/** Inside of a string or a comment there is nothing to complete. A quoted name is one. */
function isQuoted(before: string): boolean {
  const { openIn } = splitInput(before);
  return openIn === "'" || openIn === "$" || openIn === "/*" || /--[^\n]*$/.test(before);
}

interface OpenCommand {
  readonly text: string;
  readonly start: number;
}

/** The `\` command whose line the cursor is in. */
function commandBefore(before: string): OpenCommand | undefined {
  const last = splitInput(before).parts.at(-1);
  if (last?.kind !== "command" || before.slice(last.start).includes("\n")) return undefined;
  return { text: before.slice(last.start), start: last.start };
}

function commandCompletion({ text, start }: OpenCommand, input: CompletionInput): Completion {
  if (!/\s/.test(text)) {
    const candidates = input.commands.filter((name) => name.startsWith(text));
    return { from: start, candidates: [...candidates].sort() };
  }
  const word = /[\w$".]*$/.exec(text)?.[0] ?? "";
  const lead = text.slice(0, text.length - word.length);
  const from = input.cursor - word.length;
  if (NAMESPACE_COMMANDS.test(lead)) return { from, candidates: fitting(word, input.catalog.namespaces) };
  return { from, candidates: TABLE_COMMANDS.test(lead) ? fitting(word, tableNames(word, input)) : [] };
}

function candidatesFor(word: string, lead: string, input: CompletionInput): readonly string[] {
  if (WANTS_NAMESPACE.test(lead)) return input.catalog.namespaces;
  if (WANTS_TABLE.test(lead)) return tableNames(word, input);
  if (word.includes(".")) return dottedNames(word, input);
  const columns = tablesOf(input).flatMap(({ name }) => input.catalog.columnsByTable.get(name) ?? []);
  return [...cased(word), ...columns, ...tableNames(word, input)];
}

/** Keywords in the case of what was typed. */
function cased(word: string): readonly string[] {
  if (word === "") return [];
  const isLower = word === word.toLowerCase();
  return KEYWORDS.map((keyword) => (isLower ? keyword.toLowerCase() : keyword));
}

/** Tables of the namespace at hand without it, others after their namespace. */
function tableNames(word: string, { catalog, namespace }: CompletionInput): readonly string[] {
  const names = [...catalog.columnsByTable.keys()];
  if (word.includes(".")) return names;
  const own = names.filter((name) => name.startsWith(`${namespace}.`)).map((name) => name.slice(name.indexOf(".") + 1));
  return [...own, ...catalog.namespaces.map((each) => `${each}.`)];
}

/** `alias.`, `table.`, `namespace.` or `namespace.table.` */
function dottedNames(word: string, input: CompletionInput): readonly string[] {
  const owner = word.slice(0, word.lastIndexOf("."));
  const columns = tablesOf(input)
    .filter(({ name, alias }) => [alias, name, name.slice(name.indexOf(".") + 1)].includes(owner))
    .flatMap(({ name }) => input.catalog.columnsByTable.get(name) ?? [])
    .map((column) => `${owner}.${column}`);
  const whole = (input.catalog.columnsByTable.get(owner) ?? []).map((column) => `${owner}.${column}`);
  return [...columns, ...whole, ...input.catalog.columnsByTable.keys()];
}

interface NamedTable {
  /** With its namespace. */
  readonly name: string;
  readonly alias: string | undefined;
}

const TABLE_USE =
  /\b(?:from|join|into|update|to|table)\s+([\w$.]+)(?:\s+(?:as\s+)?(?!where\b|on\b|set\b|values\b|join\b|left\b|order\b|group\b|limit\b|using\b)([\w$]+))?/gi;

/** The tables that the whole statement names, also behind the cursor. */
function tablesOf({ text, catalog, namespace }: CompletionInput): readonly NamedTable[] {
  return [...unquoted(text).matchAll(TABLE_USE)].flatMap(([, named = "", alias]) => {
    const lower = named.toLowerCase();
    const name = lower.includes(".") ? lower : `${namespace}.${lower}`;
    return catalog.columnsByTable.has(name) ? [{ name, alias: alias?.toLowerCase() }] : [];
  });
}

/** Strings and comments as white space. */
function unquoted(text: string): string {
  let plain = "";
  for (let at = 0; at < text.length; ) {
    const next = text[at] === '"' ? undefined : skipQuoted(text, at)?.next;
    plain += next === undefined ? (text[at] ?? "") : " ";
    at = next ?? at + 1;
  }
  return plain;
}

function fitting(word: string, candidates: readonly string[]): readonly string[] {
  const wanted = word.toLowerCase();
  const found = candidates.filter((candidate) => candidate.toLowerCase().startsWith(wanted) && candidate !== word);
  return [...new Set(found)].sort(byName);
}

/** What the database itself adds to rows comes last. */
function byName(a: string, b: string): number {
  const isOwn = (name: string): number => (/(?:^|\.)_[^.]*$/.test(name) ? 1 : 0);
  return isOwn(a) - isOwn(b) || (a < b ? -1 : 1);
}

/** As much as all candidates have in common, at least the word itself. */
export function commonPrefix(candidates: readonly string[]): string {
  const [first = "", ...others] = candidates;
  let length = first.length;
  for (const other of others) {
    while (length > 0 && !other.toLowerCase().startsWith(first.slice(0, length).toLowerCase())) length -= 1;
  }
  return first.slice(0, length);
}
