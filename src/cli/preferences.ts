// What a user may choose: one table gives the flags, the keys of config.toml, the environment's names and the help. A flag beats the environment, which beats the file.
import { suggestion } from "../base/closest.ts";
import { CliError } from "./cli-error.ts";
import type { Environment } from "./paths.ts";

export const FORMATS = ["table", "json", "csv"] as const;
export type Format = (typeof FORMATS)[number];
export const COLORS = ["auto", "always", "never"] as const;
export const EXPANSIONS = ["off", "on", "auto"] as const;
export type Expansion = (typeof EXPANSIONS)[number];

export interface Preferences {
  readonly url: string;
  readonly user: string | undefined;
  readonly namespace: string | undefined;
  readonly format: Format;
  readonly color: (typeof COLORS)[number];
  readonly expanded: Expansion;
  readonly pager: string;
  readonly timing: boolean;
  /** 0: as long as the server lets it run. */
  readonly timeoutMs: number;
  readonly nullText: string;
  readonly historySize: number;
}

const DEFAULT_URL = "http://127.0.0.1:8080";
const MAX_TIMEOUT_S = 86_400;
const MAX_HISTORY = 100_000;

type Read<T> = (value: unknown, name: string) => T;
type Rows = {
  readonly [Key in keyof Preferences]: {
    /** In config.toml. */
    readonly key: string;
    readonly env: string | undefined;
    readonly fallback: Preferences[Key];
    readonly read: Read<Preferences[Key]>;
  };
};

const ROWS: Rows = {
  url: { key: "url", env: "KALAMDB_URL", fallback: DEFAULT_URL, read: (value, name) => parseUrl(text(value, name)) },
  user: { key: "user", env: "KALAMDB_USER", fallback: undefined, read: text },
  namespace: { key: "namespace", env: "KALAMDB_NAMESPACE", fallback: undefined, read: text },
  format: { key: "format", env: undefined, fallback: "table", read: oneOf(FORMATS) },
  color: { key: "color", env: undefined, fallback: "auto", read: oneOf(COLORS) },
  expanded: { key: "expanded", env: undefined, fallback: "off", read: oneOf(EXPANSIONS) },
  pager: { key: "pager", env: "PAGER", fallback: "less", read: anyText },
  timing: { key: "timing", env: undefined, fallback: false, read: flag },
  timeoutMs: { key: "timeout_seconds", env: undefined, fallback: 0, read: seconds },
  nullText: { key: "null", env: undefined, fallback: "NULL", read: anyText },
  historySize: { key: "history_size", env: undefined, fallback: 1_000, read: count },
};

function text(value: unknown, name: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new CliError(`${name} needs a text`);
}

function anyText(value: unknown, name: string): string {
  return value === "" ? "" : text(value, name);
}

function flag(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  throw new CliError(`${name} is true or false`);
}

function oneOf<T extends string>(allowed: readonly T[]): Read<T> {
  return (value, name) => {
    const found = allowed.find((one) => one === value);
    if (found !== undefined) return found;
    throw new CliError(`${name} is one of ${allowed.join(", ")}, not ${JSON.stringify(value)}`);
  };
}

function number(value: unknown): number {
  return typeof value === "string" && value.trim() !== "" ? Number(value) : typeof value === "number" ? value : NaN;
}

function seconds(value: unknown, name: string): number {
  const parsed = number(value);
  if (parsed >= 0 && parsed <= MAX_TIMEOUT_S) return Math.round(parsed * 1000);
  throw new CliError(`${name} is a number of seconds from 0 (none) to ${MAX_TIMEOUT_S}`);
}

function count(value: unknown, name: string): number {
  const parsed = number(value);
  if (Number.isInteger(parsed) && parsed >= 0 && parsed <= MAX_HISTORY) return parsed;
  throw new CliError(`${name} is a whole number from 0 to ${MAX_HISTORY}`);
}

const LOOPBACK = /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/;

/** A bare host gets `http` on this machine and `https` elsewhere: a password must not cross a network in the clear by accident. */
export function parseUrl(input: string): string {
  const hasScheme = /^[a-z][a-z\d+.-]*:\/\//i.test(input);
  const candidate = hasScheme ? input : `https://${input}`;
  if (!URL.canParse(candidate)) throw new CliError(`not the address of a server: ${JSON.stringify(input)}`);
  const url = new URL(candidate);
  if (!hasScheme && LOOPBACK.test(url.hostname)) url.protocol = "http:";
  if (url.protocol !== "http:" && url.protocol !== "https:")
    throw new CliError(`a server is at http:// or https://, not ${url.protocol}//`);
  if (url.username !== "" || url.password !== "")
    throw new CliError("the address holds a user or password", { hint: "Say --user, and the password when asked." });
  if (url.search !== "" || url.hash !== "") throw new CliError("the address of a server has no ? and no #");
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "");
}

export type GivenPreferences = Readonly<Partial<Record<keyof Preferences, unknown>>>;

export interface PreferenceSources {
  /** Of the command line, by name of the preference. */
  readonly flags: GivenPreferences;
  readonly env: Environment;
  /** Text of config.toml. */
  readonly file: string | undefined;
}

const NAMES = [
  "url",
  "user",
  "namespace",
  "format",
  "color",
  "expanded",
  "pager",
  "timing",
  "timeoutMs",
  "nullText",
  "historySize",
] as const satisfies readonly (keyof Preferences)[];

export function readPreferences({ flags, env, file }: PreferenceSources): Preferences {
  const table = file === undefined ? {} : parseFile(file);
  const value = <Key extends keyof Preferences>(name: Key): Preferences[Key] => {
    const { key, env: variable, fallback, read } = ROWS[name];
    if (flags[name] !== undefined) return read(flags[name], `--${key}`);
    const fromEnv = variable === undefined ? undefined : env[variable];
    if (variable !== undefined && fromEnv !== undefined && fromEnv !== "") return read(fromEnv, variable);
    return Object.hasOwn(table, key) ? read(table[key], `${key} in config.toml`) : fallback;
  };
  return {
    url: value("url"),
    user: value("user"),
    namespace: value("namespace"),
    format: value("format"),
    color: value("color"),
    expanded: value("expanded"),
    pager: value("pager"),
    timing: value("timing"),
    timeoutMs: value("timeoutMs"),
    nullText: value("nullText"),
    historySize: value("historySize"),
  };
}

function parseFile(source: string): Readonly<Record<string, unknown>> {
  let table: Readonly<Record<string, unknown>>;
  try {
    table = { ...Bun.TOML.parse(source) };
  } catch (cause) {
    throw new CliError(`config.toml: ${cause instanceof Error ? cause.message : "not TOML"}`, { cause });
  }
  const keys = NAMES.map((name) => ROWS[name].key);
  for (const key of Object.keys(table)) {
    if (!keys.includes(key))
      throw new CliError(`config.toml: unknown key ${JSON.stringify(key)}${suggestion(key, keys)}`);
  }
  return table;
}
