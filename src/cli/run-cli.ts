// `kalam`: from the command line to an exit code.
import { VERSION } from "../base/version.ts";
import { KalamError } from "../link/index.ts";
import { CliError, EXIT, type ExitCode, OutputClosedError } from "./cli-error.ts";
import { wantsColor } from "./colors.ts";
import { errorText } from "./error-text.ts";
import { type Flags, parseFlags, usage } from "./flags.ts";
import { type CliPaths, cliPaths, type Environment, expandHome } from "./paths.ts";
import { type Preferences, readPreferences } from "./preferences.ts";
import { runScript, type ScriptEnd } from "./run-script.ts";
import { runShell } from "./run-shell.ts";
import { SavedLogins } from "./saved-logins.ts";
import { Session } from "./session.ts";
import { settingsOf } from "./settings.ts";
import { signInOf } from "./sign-in.ts";
import type { Terminal } from "./terminal.ts";

export interface CliInput {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly terminal: Terminal;
}

/** Everything that goes wrong has been told when it returns. */
export async function runCli(input: CliInput): Promise<ExitCode> {
  try {
    return await start(input);
  } catch (error) {
    // Whoever closed the pipe (`| head`) has what they wanted.
    if (error instanceof OutputClosedError) return EXIT.ok;
    const hasColor = wantsColor("auto", { isTerminal: input.terminal.isError, env: input.env });
    await input.terminal.writeError(errorText(error, { hasColor }));
    if (error instanceof CliError) return error.exitCode;
    return error instanceof KalamError && error.code === "NETWORK_ERROR" ? EXIT.noConnection : EXIT.failed;
  }
}

async function start({ argv, env, terminal }: CliInput): Promise<ExitCode> {
  const flags = parseFlags(argv);
  if (flags.mode === "help") return told(terminal, usage());
  if (flags.mode === "version") return told(terminal, `kalam ${VERSION}\n`);
  const paths = cliPaths(env);
  const preferences = readPreferences({ flags: flags.preferences, env, file: await configText(flags, paths, env) });
  using session = await openSession({ flags, preferences, paths }, { env, terminal });
  // Awaited: the session is there until they end.
  if (flags.scripts.length > 0) return await runScripts(flags, session);
  if (session.isInteractive)
    return await runShell(session, { historyFile: paths.historyFile, historySize: preferences.historySize });
  return (await runScript(await terminal.readAll(), session, { name: "<stdin>", keepGoing: flags.keepGoing })).exitCode;
}

async function told(terminal: Terminal, text: string): Promise<ExitCode> {
  await terminal.write(text);
  return EXIT.ok;
}

async function configText(flags: Flags, paths: CliPaths, env: Environment): Promise<string | undefined> {
  const path = flags.configFile === undefined ? paths.configFile : expandHome(flags.configFile, env);
  const file = Bun.file(path);
  if (flags.configFile === undefined && !(await file.exists())) return undefined;
  return file.text().catch((cause: unknown) => {
    throw new CliError(`the config file ${path} cannot be read`, { cause });
  });
}

interface Wanted {
  readonly flags: Flags;
  readonly preferences: Preferences;
  readonly paths: CliPaths;
}

async function openSession(
  { flags, preferences, paths }: Wanted,
  { env, terminal }: { readonly env: Environment; readonly terminal: Terminal },
): Promise<Session> {
  const hasColor = wantsColor(preferences.color, { isTerminal: terminal.isOutput, env });
  const settings = settingsOf({ preferences, quiet: flags.quiet, hasColor, variables: flags.variables });
  const logins = new SavedLogins(paths.credentialsFile, (text) => void terminal.writeError(`${text}\n`));
  const { url, user } = preferences;
  const isInteractive = flags.scripts.length === 0 && terminal.isInput && terminal.isOutput;
  const signIn = await signInOf({ url, user, flags, env, terminal, logins });
  return new Session({ url, ...signIn, settings, terminal, env, logins, isInteractive });
}

async function runScripts(flags: Flags, session: Session): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.ok;
  for (const script of flags.scripts) {
    const source = script.kind === "command" ? script.text : await readScript(script.text, session);
    const name = script.kind === "command" ? undefined : script.text;
    const end: ScriptEnd = await runScript(source, session, { name, keepGoing: flags.keepGoing });
    if (end.exitCode !== EXIT.ok) exitCode = end.exitCode;
    if (end.isQuit || end.isStopped || (end.exitCode !== EXIT.ok && !flags.keepGoing)) break;
  }
  return exitCode;
}

async function readScript(path: string, session: Session): Promise<string> {
  if (path === "-") return session.terminal.readAll();
  return Bun.file(expandHome(path, session.env))
    .text()
    .catch((cause: unknown) => {
      throw new CliError(`the file ${path} cannot be read`, { cause });
    });
}
