// One run of the client: its connection, its settings and where it writes. Everything else is a function of this.
import { type Auth, createClient, type KalamClient } from "../link/index.ts";
import { errorText } from "./error-text.ts";
import { Output } from "./output.ts";
import { needsPager, page } from "./pager.ts";
import type { Environment } from "./paths.ts";
import type { SavedLogins } from "./saved-logins.ts";
import type { Settings } from "./settings.ts";
import type { Terminal } from "./terminal.ts";

export interface SessionOptions {
  readonly url: string;
  readonly auth: Auth;
  /** It is the saved login of the server. */
  readonly isSaved: boolean;
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly logins: SavedLogins;
  /** A person types the statements. */
  readonly isInteractive: boolean;
}

export class Session implements Disposable {
  readonly url: string;
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly env: Environment;
  readonly logins: SavedLogins;
  readonly isInteractive: boolean;
  readonly isSaved: boolean;
  readonly output: Output;
  /** Statements since BEGIN: the server takes a transaction as one request. */
  transaction: string[] | undefined;
  /** What `\g`, `\watch` and `\e` take when nothing else is said. */
  lastStatement: string | undefined;
  /** Of the scripts so far, the statement or command that was done last, and where it stands. */
  lastDone: { readonly text: string; readonly place: string | undefined } | undefined;
  /** What the prompt shall begin with: the text that `\\e` brought back. */
  nextInput: string | undefined;
  /** Names may have changed since the completion learned them. */
  hasNewNames = true;
  #client: KalamClient;

  constructor(options: SessionOptions) {
    this.url = options.url;
    this.settings = options.settings;
    this.terminal = options.terminal;
    this.env = options.env;
    this.logins = options.logins;
    this.isInteractive = options.isInteractive;
    this.isSaved = options.isSaved;
    this.output = new Output(options.terminal);
    this.#client = createClient({ url: options.url, auth: options.auth });
  }

  get client(): KalamClient {
    return this.#client;
  }

  signInAs(auth: Auth): void {
    this.#client.disconnect();
    this.#client = createClient({ url: this.url, auth });
    this.hasNewNames = true;
  }

  /** A result, through the pager when it does not fit the screen. */
  async show(text: string): Promise<void> {
    const { pager, isPaging } = this.settings;
    const pages = this.isInteractive && isPaging && pager !== "" && this.output.isTerminal && this.terminal.isInput;
    if (pages && needsPager(text, this.terminal)) {
      if (await page({ text, command: pager, env: this.env }, this.terminal)) return;
    }
    await this.output.write(text);
  }

  /** Messages: beside the results where a person reads both, never in data for programs. */
  async note(text: string): Promise<void> {
    if (text === "" || this.settings.quiet) return;
    if (this.output.isTerminal || this.settings.format === "table") await this.output.write(text);
    else await this.terminal.writeError(text);
  }

  async fail(
    error: unknown,
    context: { readonly sql?: string; readonly place?: string | undefined } = {},
  ): Promise<void> {
    await this.terminal.writeError(errorText(error, { ...context, hasColor: this.settings.hasColor }));
  }

  [Symbol.dispose](): void {
    this.#client.disconnect();
    this.output.toTerminal();
  }
}
