// Command-line flags → raw values by setting. Refuses to know types: a flag's text is parsed by the setting it belongs to.
import { suggestion } from "../base/closest.ts";
import { envNames, flagName, SETTING_NAMES, type SettingName, settingRow } from "./settings.ts";
import { boolean, type RawValue } from "./value-type.ts";

export interface Flags {
  readonly kind: "run" | "help" | "version";
  /** `--config FILE`. */
  readonly configFile: string | undefined;
  readonly values: ReadonlyMap<SettingName, { readonly raw: RawValue; readonly source: string }>;
  readonly faults: readonly string[];
}

const HELP_FLAGS = new Set(["--help", "-h"]);
const VERSION_FLAGS = new Set(["--version", "-V"]);
const CONFIG_FLAG = "--config";

/** Every spelling of every setting's flag. */
function flagTable(): ReadonlyMap<string, SettingName> {
  const table = new Map<string, SettingName>();
  for (const name of SETTING_NAMES) {
    for (const flag of [flagName(name), ...(settingRow(name).aliases ?? [])]) table.set(flag, name);
  }
  return table;
}

function knownFlags(table: ReadonlyMap<string, SettingName>): readonly string[] {
  return [...table.keys(), ...HELP_FLAGS, ...VERSION_FLAGS, CONFIG_FLAG];
}

interface Token {
  readonly flag: string;
  /** What stands after `=`. */
  readonly inline: string | undefined;
}

function tokenOf(argument: string): Token {
  const equals = argument.indexOf("=");
  if (equals === -1) return { flag: argument, inline: undefined };
  return { flag: argument.slice(0, equals), inline: argument.slice(equals + 1) };
}

/** A flag given twice: the last one counts, so that a wrapper script's flags can be overridden. */
export function parseFlags(argv: readonly string[]): Flags {
  const table = flagTable();
  const values = new Map<SettingName, { raw: RawValue; source: string }>();
  const faults: string[] = [];
  let configFile: string | undefined;

  for (let index = 0; index < argv.length; index++) {
    const token = tokenOf(argv[index] ?? "");
    if (HELP_FLAGS.has(token.flag) || VERSION_FLAGS.has(token.flag)) continue;
    const name = table.get(token.flag);
    if (name === undefined && token.flag !== CONFIG_FLAG) {
      faults.push(unknownFault(token.flag, table));
      continue;
    }
    const value = valueOf(token, name, argv[index + 1]);
    if (takesNext(token, name) && value !== undefined) index += 1;
    const fault = flagFault(token.flag, name, value);
    if (fault !== undefined) faults.push(fault);
    else if (name === undefined) configFile = value;
    else values.set(name, { raw: value ?? "", source: token.flag });
  }
  return { kind: kindOf(argv), configFile, values, faults };
}

function takesNext(token: Token, name: SettingName | undefined): boolean {
  return token.inline === undefined && (name === undefined || settingRow(name).type !== boolean);
}

/** A following `--flag` is never taken for a value: `--data-dir --port 1` is a forgotten folder. */
function valueOf(token: Token, name: SettingName | undefined, next: string | undefined): string | undefined {
  if (!takesNext(token, name)) return token.inline ?? "true";
  return next?.startsWith("--") === true ? undefined : next;
}

function unknownFault(flag: string, table: ReadonlyMap<string, SettingName>): string {
  const what = flag.startsWith("-") ? "unknown flag" : "unexpected argument";
  return `${what} ${JSON.stringify(flag)}${suggestion(flag, knownFlags(table))}`;
}

/** Help wins over everything, faults included: whoever mistyped a flag may be asking for the list. */
function kindOf(argv: readonly string[]): Flags["kind"] {
  if (argv.some((argument) => HELP_FLAGS.has(argument))) return "help";
  return argv.some((argument) => VERSION_FLAGS.has(argument)) ? "version" : "run";
}

function flagFault(flag: string, name: SettingName | undefined, value: string | undefined): string | undefined {
  if (name !== undefined && settingRow(name).secret === true) {
    return `${flag} is not a flag, because other users can read command lines: set ${envNames(name)[0]} or ${name} in server.toml`;
  }
  return value === undefined || value === "" ? `${flag} needs a value` : undefined;
}
