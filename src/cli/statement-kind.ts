// What the client itself must know of a statement: most it only passes on.
import { findFilePlaceholders } from "../model/file-placeholders.ts";
import { isBlank, withoutLead } from "./sql-lexer.ts";

export type StatementKind =
  /** Answered with a subscription that the client begins. */
  | { readonly kind: "subscribe" }
  /** Lasts to the end of a request on the server: the client keeps it. */
  | { readonly kind: "use"; readonly namespace: string }
  | { readonly kind: "begin" }
  /** COMMIT or ROLLBACK. */
  | { readonly kind: "end" }
  /** Names that are completed may have changed. */
  | { readonly kind: "definition" }
  | { readonly kind: "other" };

const NAME = String.raw`(?:"((?:[^"]|"")+)"|([\w\u0080-\uffff$]+))`;
const USE = new RegExp(String.raw`^(?:use(?:\s+namespace)?|set\s+namespace)\s+(?:=\s*|to\s+)?${NAME}\s*;?\s*$`, "i");
const WORDS = /^[a-z]+(?:\s+[a-z]+)?/i;

const KINDS: readonly (readonly [RegExp, Exclude<StatementKind, { kind: "use" }>])[] = [
  [/^subscribe\s+to\b/, { kind: "subscribe" }],
  [/^(?:begin|start\s+transaction)\b/, { kind: "begin" }],
  [/^(?:commit|end|rollback|abort)\b/, { kind: "end" }],
  [/^(?:create|alter|drop)\b/, { kind: "definition" }],
];

export function statementKind(statement: string): StatementKind {
  const text = spaced(withoutLead(statement).slice(0, 300));
  const use = USE.exec(text);
  if (use !== null) return { kind: "use", namespace: use[1]?.replaceAll('""', '"') ?? (use[2] ?? "").toLowerCase() };
  const words = WORDS.exec(text)?.[0].toLowerCase() ?? "";
  return KINDS.find(([pattern]) => pattern.test(words))?.[1] ?? { kind: "other" };
}

/** Comments between the words count as white space. */
function spaced(text: string): string {
  return text.replace(/--[^\n]*(?:\n|$)|\/\*.*?\*\//gs, " ");
}

/** Without what only ends it. */
export function withoutSemicolon(statement: string): string {
  return statement.replace(/;\s*$/, "");
}

/** The names that `FILE('name')` says. */
export function fileNames(statement: string): readonly string[] {
  return [...new Set(findFilePlaceholders(statement).placeholders.map(({ name }) => name))];
}

/** What may hold a secret is kept out of every file: passwords, keys, credentials of storages, tokens. */
const SECRET =
  /password|passwd|identified\s+by|credential|secret|token|api[\s_-]*key|oauth|authorization|bearer|kalam_/i;

export function mayHoldSecret(text: string): boolean {
  return SECRET.test(text);
}

export function isNothing(statement: string): boolean {
  return isBlank(withoutSemicolon(statement));
}
