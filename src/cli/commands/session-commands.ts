// The session itself: who and where, variables, saved logins, the end.
import { signOut } from "../../link/index.ts";
import { CliError } from "../cli-error.ts";
import { promptLine } from "../prompt-secret.ts";
import { runOwn, runStatement } from "../run-statement.ts";
import { safeLine } from "../safe-text.ts";
import type { Session } from "../session.ts";
import { signInAndSave } from "../sign-in.ts";
import { quotedName } from "../variables.ts";
import type { Command, CommandCall, CommandOutcome } from "./command.ts";

export interface Identity {
  readonly user: string;
  readonly role: string;
  readonly version: string;
}

export async function identity(session: Session): Promise<Identity> {
  const { values } = await session.client.query("SELECT current_user, current_role, version()");
  const [user, role, version] = values[0] ?? [];
  return { user: safeLine(String(user)), role: safeLine(String(role)), version: safeLine(String(version)) };
}

async function connectionInfo({ session }: CommandCall): Promise<CommandOutcome> {
  const { user, role, version } = await identity(session);
  const namespace = session.settings.namespace ?? "default";
  await session.output.write(
    `Connected to ${session.url} as ${user} (${role}), namespace ${namespace}.\n${version}.\n`,
  );
  return "done";
}

async function useNamespace({ session, args }: CommandCall): Promise<CommandOutcome> {
  const [name] = args;
  if (name === undefined) throw new CliError("\\c takes the name of a namespace");
  return runStatement(`USE ${/^\w+$/.test(name) ? name : quotedName(name)}`, session);
}

async function set({ session, args }: CommandCall): Promise<CommandOutcome> {
  const { variables } = session.settings;
  const [name, ...values] = args;
  if (name === undefined) {
    await session.output.write([...variables].map(([each, value]) => `${each} = ${safeLine(value)}\n`).join(""));
    return "done";
  }
  if (!/^\w+$/.test(name)) throw new CliError(`a variable has letters, digits and _, not ${JSON.stringify(name)}`);
  variables.set(name, values.join(""));
  return "done";
}

function unset({ session, args }: CommandCall): CommandOutcome {
  session.settings.variables.delete(args[0] ?? "");
  return "done";
}

/** The password is asked for and not kept; the tokens are. */
async function login({ session, args }: CommandCall): Promise<CommandOutcome> {
  const { terminal, logins } = session;
  if (!terminal.isInput || !terminal.isError) throw new CliError("\\login asks for a password: it needs a terminal");
  const user = args[0] ?? (await promptLine("User: ", terminal));
  session.signInAs(await signInAndSave(user, session));
  await session.note(`Signed in as ${safeLine(user)}; saved in ${logins.path}.\n`);
  return "done";
}

async function logout({ session, args }: CommandCall): Promise<CommandOutcome> {
  const { logins, url } = session;
  const saved = logins.read(url);
  if (saved === undefined) throw new CliError(`no login is saved for ${url}`);
  const everywhere = args[0] === "--everywhere";
  if (args[0] !== undefined && !everywhere) throw new CliError("\\logout takes --everywhere, or nothing");
  if (everywhere) await signOut(url, saved.accessToken);
  logins.forget(url);
  await session.note(
    everywhere
      ? `Every token of ${safeLine(saved.user)} is void, on every device.\n`
      : `The login of ${safeLine(saved.user)} is forgotten here. This session goes on until its token ends.\n`,
  );
  return "done";
}

async function shell({ session, rest }: CommandCall): Promise<CommandOutcome> {
  const command = rest === "" ? (session.env["SHELL"] ?? "/bin/sh") : rest;
  using _ignored = session.terminal.onInterrupt(() => undefined);
  const child = Bun.spawn(["/bin/sh", "-c", command], {
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...session.env },
  });
  const exitCode = await child.exited;
  if (exitCode !== 0) throw new CliError(`the command ended with ${exitCode}`);
  return "done";
}

export const SESSION_COMMANDS: readonly Command[] = [
  { names: ["q", "quit", "exit"], help: "End; Ctrl-D does the same.", run: () => "quit" },
  { names: ["conninfo", "info"], help: "Who, where, which server.", run: connectionInfo },
  {
    names: ["c", "use"],
    args: "NAMESPACE",
    help: "As USE: where other names are looked up.",
    run: useNamespace,
  },
  {
    names: ["stats"],
    help: "Counters of the server; for administrators.",
    run: ({ session }) => runOwn("SELECT * FROM system.stats", session),
  },
  {
    names: ["set"],
    args: "[NAME [VALUE]]",
    help: "A variable: :NAME, :'NAME' as a string, :\"NAME\" as a name.",
    run: set,
  },
  { names: ["unset"], args: "NAME", help: "Forget a variable.", run: unset },
  { names: ["login"], args: "[USER]", help: "Sign in and save the login for this server.", run: login },
  {
    names: ["logout"],
    args: "[--everywhere]",
    help: "Forget the saved login; --everywhere voids the user's tokens.",
    run: logout,
  },
  { names: ["!"], args: "[COMMAND]", help: "A command of the shell.", run: shell },
];
