// What the user may change while the client runs: the preferences of the start, and what `\` commands made of them.
import type { Expansion, Format, Preferences } from "./preferences.ts";

/** Mutable: commands write it, everything else reads it. */
export interface Settings {
  format: Format;
  expanded: Expansion;
  timing: boolean;
  /** Command of the pager; empty: none. */
  pager: string;
  isPaging: boolean;
  nullText: string;
  quiet: boolean;
  timeoutMs: number;
  namespace: string | undefined;
  readonly hasColor: boolean;
  readonly variables: Map<string, string>;
  /** Local files by the name that `FILE('name')` says. */
  readonly files: Map<string, LocalFile>;
}

export interface LocalFile {
  readonly path: string;
  /** Media type; what the name's ending means when not given. */
  readonly type: string | undefined;
}

export interface SettingsInput {
  readonly preferences: Preferences;
  readonly quiet: boolean;
  readonly hasColor: boolean;
  readonly variables: readonly (readonly [string, string])[];
}

export function settingsOf({ preferences, quiet, hasColor, variables }: SettingsInput): Settings {
  const { format, expanded, timing, pager, nullText, timeoutMs, namespace } = preferences;
  return {
    format,
    expanded,
    timing,
    pager,
    isPaging: pager !== "",
    nullText,
    quiet,
    timeoutMs,
    namespace,
    hasColor,
    variables: new Map(variables),
    files: new Map(),
  };
}
