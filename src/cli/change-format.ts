// How the events of a subscription become text: what every format has in common.
import type { Column, Row, SubscriptionEvent, Value } from "../link/index.ts";
import type { ResultSettings } from "./result-text.ts";
import { safeLine } from "./safe-text.ts";

export interface ChangeText {
  /** For where results go. */
  readonly data: string;
  /** About the subscription, for people. */
  readonly note: string;
}

export type DataEvent = Exclude<SubscriptionEvent, { readonly kind: "error" }>;

export interface ChangeFormat {
  text(event: DataEvent, at: Date): ChangeText;
}

export interface ChangeFormatOptions {
  readonly settings: ResultSettings;
  readonly isTerminal: boolean;
  /** Of the subscription, once it has begun. */
  readonly columns: () => readonly Column[];
}

export function valuesOf(row: Row, columns: readonly Column[]): readonly Value[] {
  return columns.map(({ name }) => row[name] ?? null);
}

/** Of a row that went while nobody looked only the key is known. */
export function knownRow(event: Extract<DataEvent, { kind: "delete" }>, columns: readonly Column[]): Row {
  if (event.old !== undefined) return event.old;
  const keys = columns.filter(({ isPrimaryKey }) => isPrimaryKey);
  return Object.fromEntries(keys.map(({ name }, index) => [name, event.key?.[index] ?? null]));
}

export function aboutText(event: DataEvent): string {
  if (event.kind === "reset") return `the server begins anew, all rows follow: ${safeLine(event.reason)}`;
  if (event.kind === "schema")
    return `the columns are now ${event.columns.map(({ name }) => safeLine(name)).join(", ")}`;
  return "";
}
