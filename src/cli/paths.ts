// Where the client keeps its files: the places of the XDG base directory specification.
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface CliPaths {
  readonly configFile: string;
  readonly credentialsFile: string;
  readonly historyFile: string;
}

export function cliPaths(env: Environment): CliPaths {
  const config = join(baseFolder(env, "XDG_CONFIG_HOME", ".config"), "kalam");
  const state = join(baseFolder(env, "XDG_STATE_HOME", join(".local", "state")), "kalam");
  return {
    configFile: join(config, "config.toml"),
    credentialsFile: join(config, "credentials.json"),
    historyFile: join(state, "history"),
  };
}

/** A relative path in the variable is none, says the specification. */
function baseFolder(env: Environment, name: string, fallback: string): string {
  const folder = env[name];
  return folder !== undefined && isAbsolute(folder) ? folder : join(env["HOME"] ?? homedir(), fallback);
}

/** `~/notes.sql`, as a shell would read it. */
export function expandHome(path: string, env: Environment): string {
  return path === "~" || path.startsWith("~/") ? join(env["HOME"] ?? homedir(), path.slice(1)) : path;
}
