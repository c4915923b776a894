import { readPreferences } from "../../src/cli/preferences.ts";
import { SavedLogins } from "../../src/cli/saved-logins.ts";
import { Session } from "../../src/cli/session.ts";
import { settingsOf } from "../../src/cli/settings.ts";
import type { Terminal } from "../../src/cli/terminal.ts";

interface SessionWith {
  readonly url: string;
  readonly token: string;
  readonly isInteractive: boolean;
  readonly format?: string;
}

/** A session of a terminal that the test made; no login is saved. */
export function sessionOn(terminal: Terminal, { url, token, isInteractive, format = "table" }: SessionWith): Session {
  const preferences = readPreferences({ flags: { url, format }, env: {}, file: undefined });
  return new Session({
    url,
    auth: { token },
    isSaved: false,
    settings: settingsOf({ preferences, quiet: false, hasColor: false, variables: [] }),
    terminal,
    env: {},
    logins: new SavedLogins("/nowhere", () => undefined),
    isInteractive,
  });
}
