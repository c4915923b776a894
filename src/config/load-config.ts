// The one way to a Config: flags over environment over server.toml over defaults. Every fault of every source is reported in one error, before
// anything opens.
import { DbError } from "../base/errors.ts";
import { errorText } from "../base/log.ts";
import { type Config, configOf } from "./config.ts";
import { type Flags, parseFlags } from "./flags.ts";
import { helpText } from "./help.ts";
import { envNames, SETTING_NAMES, type SettingName, type SettingValues, settingRow } from "./settings.ts";
import { parseToml, type TomlSettings } from "./toml.ts";
import type { RawValue } from "./value-type.ts";

export const DEFAULT_CONFIG_FILE = "server.toml";

export interface ConfigSources {
  /** Without the program and the command. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Text of a file, or undefined when there is none. Throws when it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

export type LoadedConfig =
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "help"; readonly text: string }
  | { readonly kind: "version" };

interface Candidate {
  readonly raw: RawValue;
  readonly source: string;
}

export function loadConfig({ argv, env, readFile }: ConfigSources): LoadedConfig {
  const flags = parseFlags(argv);
  if (flags.kind === "help") return { kind: "help", text: helpText() };
  if (flags.kind === "version") return { kind: "version" };

  const file = flags.configFile ?? DEFAULT_CONFIG_FILE;
  const toml = readToml(file, flags, readFile);
  const faults = [...flags.faults, ...toml.faults.map((fault) => `${file}: ${fault}`)];
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const raw = toml.values.get(name);
    const fromToml = raw === undefined ? undefined : { raw, source: file };
    const given = flags.values.get(name) ?? fromEnvironment(name, env) ?? fromToml;
    if (given === undefined) continue;
    try {
      values[name] = settingRow(name).type.parse(given.raw);
    } catch (error) {
      if (!(error instanceof DbError)) throw error;
      faults.push(`${name} (from ${given.source}): ${error.message}`);
    }
  }
  if (faults.length > 0) throw new DbError("INVALID_CONFIG", faultText(faults), { hint: "--help lists the settings." });
  // Each value came from its own setting's parser.
  return { kind: "config", config: configOf(values as Partial<SettingValues>) };
}

function readToml(file: string, flags: Flags, readFile: ConfigSources["readFile"]): TomlSettings {
  const empty = new Map<SettingName, RawValue>();
  try {
    const source = readFile(file);
    if (source !== undefined) return parseToml(source);
  } catch (error) {
    return { values: empty, faults: [`cannot be read (${errorText(error)})`] };
  }
  return { values: empty, faults: flags.configFile === undefined ? [] : ["no such file"] };
}

/** An empty variable counts as unset: that is how container tools pass a variable that has no value. */
function fromEnvironment(name: SettingName, env: ConfigSources["env"]): Candidate | undefined {
  for (const variable of envNames(name)) {
    const raw = env[variable];
    if (raw !== undefined && raw !== "") return { raw, source: variable };
  }
  return undefined;
}

function faultText(faults: readonly string[]): string {
  const [only = ""] = faults;
  if (faults.length === 1) return `Invalid configuration: ${only}`;
  return `Invalid configuration, ${faults.length} faults:\n${faults.map((fault) => `  - ${fault}`).join("\n")}`;
}
