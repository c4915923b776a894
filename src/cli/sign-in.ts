// Who the client speaks for: what was given on the command line or in the environment, else the saved login of the server, else a question at the terminal.
import { readFileSync } from "node:fs";
import { type Auth, KalamError, refreshTokens, type Secret, signIn, type Tokens } from "../link/index.ts";
import { CliError } from "./cli-error.ts";
import type { Flags } from "./flags.ts";
import type { Environment } from "./paths.ts";
import { promptLine, promptSecret } from "./prompt-secret.ts";
import type { SavedLogins } from "./saved-logins.ts";
import type { Terminal } from "./terminal.ts";

export interface SignInOptions {
  readonly url: string;
  readonly user: string | undefined;
  readonly flags: Pick<Flags, "token" | "apiKey" | "passwordFile" | "asksPassword">;
  readonly env: Environment;
  readonly terminal: Terminal;
  readonly logins: SavedLogins;
}

export interface SignIn {
  readonly auth: Auth;
  /** By the file of saved logins. */
  readonly isSaved: boolean;
}

export async function signInOf(options: SignInOptions): Promise<SignIn> {
  const token = givenToken(options);
  if (token !== undefined) return { auth: token, isSaved: false };
  const saved = savedAuth(options);
  return saved === undefined ? { auth: await passwordAuth(options), isSaved: false } : { auth: saved, isSaved: true };
}

function givenToken({ flags, env, user }: SignInOptions): Secret | undefined {
  if (flags.apiKey !== undefined) return { apiKey: flags.apiKey };
  if (flags.token !== undefined) return { token: flags.token };
  // A user named on the command line is meant, whatever the environment holds for others.
  if (user !== undefined && (flags.asksPassword || flags.passwordFile !== undefined)) return undefined;
  if (present(env["KALAMDB_API_KEY"])) return { apiKey: env["KALAMDB_API_KEY"] ?? "" };
  return present(env["KALAMDB_TOKEN"]) ? { token: env["KALAMDB_TOKEN"] ?? "" } : undefined;
}

function present(value: string | undefined): boolean {
  return value !== undefined && value !== "";
}

function savedAuth(options: SignInOptions): Auth | undefined {
  const { url, user, flags, env, logins } = options;
  if (flags.asksPassword || flags.passwordFile !== undefined || present(env["KALAMDB_PASSWORD"])) return undefined;
  const saved = logins.read(url);
  if (saved === undefined || (user !== undefined && user !== saved.user)) return undefined;
  return savedSession(url, logins);
}

/**
 * Tokens of the saved login, renewed when the server wants new ones. The file is read each time: another client may have renewed it already, and a refresh token that was used
 * is worth nothing.
 */
export function savedSession(url: string, logins: SavedLogins): Auth {
  let shown: string | undefined;
  let user: string | undefined;
  return {
    async provider() {
      const saved = logins.read(url);
      // Another client may have saved another user's: nobody becomes somebody else within a session.
      if (saved === undefined || saved.user !== (user ?? saved.user)) throw signInAgain();
      user = saved.user;
      if (saved.accessToken !== shown) {
        shown = saved.accessToken;
        return { token: saved.accessToken };
      }
      if (saved.refreshToken === undefined) throw signInAgain();
      const tokens = await refreshTokens(url, saved.refreshToken).catch((error: unknown) => {
        throw error instanceof KalamError && error.status === 401 ? signInAgain() : error;
      });
      // Saved before it is used: the old one is void.
      logins.save(url, { ...tokens, user: saved.user });
      shown = tokens.accessToken;
      return { token: tokens.accessToken };
    },
  };
}

function signInAgain(): KalamError {
  return new KalamError("TOKEN_EXPIRED", "the saved login has ended", {
    status: 401,
    hint: "Sign in again: kalam --password, then \\login to save it.",
  });
}

/** Asks for the password and saves the tokens. */
export async function signInAndSave(
  user: string,
  { url, terminal, logins }: Pick<SignInOptions, "url" | "terminal" | "logins">,
): Promise<Auth> {
  const password = await promptSecret(`Password of ${user} at ${url}: `, terminal);
  logins.save(url, { ...(await signIn(url, { user, password })), user });
  return savedSession(url, logins);
}

async function passwordAuth(options: SignInOptions): Promise<Auth> {
  const user = options.user ?? (await askUser(options));
  return sessionOf(options.url, { user, password: await passwordOf(user, options) });
}

/** Logs in when a token is first needed, and again when it has expired. */
export function sessionOf(url: string, credentials: { readonly user: string; readonly password: string }): Auth {
  let tokens: Promise<Tokens> | undefined;
  return {
    async provider() {
      const before = tokens;
      tokens = before === undefined ? signIn(url, credentials) : renewed(url, before, credentials);
      tokens.catch(() => {
        tokens = undefined;
      });
      return { token: (await tokens).accessToken };
    },
  };
}

/** By refresh token: a login costs the server a password check. */
async function renewed(
  url: string,
  before: Promise<Tokens>,
  credentials: { readonly user: string; readonly password: string },
): Promise<Tokens> {
  const { refreshToken } = await before;
  if (refreshToken === undefined) return signIn(url, credentials);
  return refreshTokens(url, refreshToken).catch((error: unknown) => {
    if (error instanceof KalamError && error.status === 401) return signIn(url, credentials);
    throw error;
  });
}

async function askUser({ terminal, url }: SignInOptions): Promise<string> {
  if (!terminal.isInput || !terminal.isError) {
    throw new CliError(`nobody to sign in as at ${url}`, {
      hint: "Give --user with KALAMDB_PASSWORD or --password-file, KALAMDB_TOKEN, KALAMDB_API_KEY, or save a login with \\login.",
    });
  }
  const user = await promptLine(`User at ${url} [root]: `, terminal);
  return user.trim() === "" ? "root" : user.trim();
}

async function passwordOf(user: string, { flags, env, terminal, url }: SignInOptions): Promise<string> {
  if (flags.passwordFile !== undefined) return readPassword(flags.passwordFile);
  const fromEnv = env["KALAMDB_PASSWORD"];
  if (!flags.asksPassword && fromEnv !== undefined && fromEnv !== "") return fromEnv;
  if (terminal.isInput && terminal.isError) return promptSecret(`Password of ${user} at ${url}: `, terminal);
  throw new CliError(`no password for ${user}`, { hint: "Set KALAMDB_PASSWORD, or give --password-file." });
}

function readPassword(path: string): string {
  try {
    return readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new CliError(`the password file ${path} cannot be read`, { cause });
  }
}
