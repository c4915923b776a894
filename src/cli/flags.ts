// The command line of `kalam`: one table gives what is parsed and what `--help` prints.
import { parseArgs } from "node:util";
import { suggestion } from "../base/closest.ts";
import { CliError } from "./cli-error.ts";
import type { GivenPreferences } from "./preferences.ts";

interface FlagRow {
  readonly short?: string;
  /** What stands after it; a flag without one is there or not. */
  readonly value?: string;
  readonly multiple?: boolean;
  readonly help: string;
}

const FLAGS = {
  url: { short: "u", value: "URL", help: "Server; also as the only argument. [http://127.0.0.1:8080]" },
  user: { short: "U", value: "NAME", help: "Who to sign in as." },
  password: { help: "Ask for the password, whatever is saved. Otherwise it comes from KALAMDB_PASSWORD." },
  "password-file": { value: "FILE", help: "Read the password from a file." },
  token: { value: "TOKEN", help: "Access token instead of a login. Better: KALAMDB_TOKEN." },
  "api-key": { value: "KEY", help: "API key instead of a login. Better: KALAMDB_API_KEY." },
  namespace: { short: "n", value: "NAME", help: "Where names without a namespace are looked up." },
  command: {
    short: "c",
    value: "SQL",
    multiple: true,
    help: "Run statements or a \\ command, and end. May be repeated.",
  },
  file: {
    short: "f",
    value: "FILE",
    multiple: true,
    help: "Run the statements of a file (- for standard input), and end.",
  },
  "keep-going": { help: "Go on after a statement that failed; the exit code still says so." },
  variable: { short: "v", value: "NAME=VALUE", multiple: true, help: "Set a variable, as \\set does." },
  format: { value: "FORMAT", help: "table, json or csv. [table]" },
  json: { help: "The same as --format json." },
  csv: { help: "The same as --format csv." },
  expanded: { short: "x", help: "A line for each column." },
  "no-color": { help: "No colour; NO_COLOR in the environment does the same." },
  quiet: { short: "q", help: "Results only: no messages, no counts, no spinner." },
  timing: { help: "Say how long each statement took." },
  timeout: { value: "SECONDS", help: "Give up on a statement after this long. [never]" },
  config: { value: "FILE", help: "Instead of ~/.config/kalam/config.toml." },
  version: { short: "V", help: "Print the version, and end." },
  help: { short: "h", help: "Print this, and end." },
} as const satisfies Record<string, FlagRow>;

type FlagName = keyof typeof FLAGS;

export interface Script {
  readonly kind: "command" | "file";
  readonly text: string;
}

export interface Flags {
  readonly mode: "run" | "help" | "version";
  readonly preferences: GivenPreferences;
  readonly asksPassword: boolean;
  readonly passwordFile: string | undefined;
  readonly token: string | undefined;
  readonly apiKey: string | undefined;
  /** In the order they were given. */
  readonly scripts: readonly Script[];
  readonly keepGoing: boolean;
  readonly quiet: boolean;
  readonly variables: readonly (readonly [string, string])[];
  readonly configFile: string | undefined;
}

function rowOf(name: FlagName): FlagRow {
  return FLAGS[name];
}

const NAMES = Object.keys(FLAGS).filter((name): name is FlagName => name in FLAGS);

export function parseFlags(argv: readonly string[]): Flags {
  const { values, positionals, tokens } = parse(argv);
  const text = (name: FlagName): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const isSet = (name: FlagName): boolean => values[name] === true;
  if (positionals.length > 1) throw usageError(`unexpected argument ${JSON.stringify(positionals[1])}`);
  const scripts = tokens.flatMap((token): readonly Script[] => {
    if (token.kind !== "option" || token.value === undefined) return [];
    return token.name === "command" || token.name === "file" ? [{ kind: token.name, text: token.value }] : [];
  });
  return {
    mode: isSet("help") ? "help" : isSet("version") ? "version" : "run",
    preferences: {
      url: text("url") ?? positionals[0],
      user: text("user"),
      namespace: text("namespace"),
      format: formatOf({ format: text("format"), json: isSet("json"), csv: isSet("csv") }),
      color: isSet("no-color") ? "never" : undefined,
      expanded: isSet("expanded") ? "on" : undefined,
      timing: isSet("timing") ? true : undefined,
      timeoutMs: text("timeout"),
    },
    asksPassword: isSet("password"),
    passwordFile: text("password-file"),
    token: text("token"),
    apiKey: text("api-key"),
    scripts,
    keepGoing: isSet("keep-going"),
    quiet: isSet("quiet"),
    variables: variablesOf(values["variable"]),
    configFile: text("config"),
  };
}

function parse(argv: readonly string[]) {
  const options = Object.fromEntries(
    NAMES.map((name) => {
      const { short, value, multiple } = rowOf(name);
      const type = value === undefined ? ("boolean" as const) : ("string" as const);
      return [name, { type, multiple: multiple ?? false, ...(short === undefined ? {} : { short }) }];
    }),
  );
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, tokens: true });
  } catch (error) {
    throw usageError(mistake(error));
  }
}

function mistake(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const unknown = /Unknown option '(-[^']+)'/.exec(text)?.[1];
  if (unknown === undefined) return (text.split("\n")[0] ?? "").replace(/\.? To specify .*/s, "");
  return `unknown flag ${unknown}${suggestion(
    unknown,
    NAMES.map((name) => `--${name}`),
  )}`;
}

function usageError(message: string): CliError {
  return new CliError(message, { hint: "kalam --help tells what there is." });
}

function formatOf(given: {
  readonly format: string | undefined;
  readonly json: boolean;
  readonly csv: boolean;
}): unknown {
  const asked = [given.format, given.json ? "json" : undefined, given.csv ? "csv" : undefined];
  const formats = asked.filter((format) => format !== undefined);
  if (formats.length > 1) throw usageError("--format, --json and --csv say the same thing: one of them is enough");
  return formats[0];
}

function variablesOf(given: unknown): readonly (readonly [string, string])[] {
  const texts = Array.isArray(given) ? given.filter((text): text is string => typeof text === "string") : [];
  return texts.map((text) => {
    const match = /^(\w+)=(.*)$/s.exec(text);
    if (match === null) throw usageError(`--variable takes NAME=VALUE, not ${JSON.stringify(text)}`);
    return [match[1] ?? "", match[2] ?? ""];
  });
}

const LEFT_WIDTH = 28;

export function usage(): string {
  const lines = NAMES.map((name) => {
    const { short, value, help } = rowOf(name);
    const left = `${short === undefined ? "    " : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
    return `  ${left.padEnd(LEFT_WIDTH)} ${help}`;
  });
  return [
    "kalam [flags] [URL]",
    "",
    "The terminal of a KalamDB server. Without -c and -f it reads statements from the terminal or from standard input.",
    "",
    ...lines,
    "",
    "Exit codes: 0 done, 1 bad flags, files or login, 2 no server, 3 a statement failed. Within: \\? lists the commands.",
    "",
  ].join("\n");
}
