// A live query on the screen: what `SUBSCRIBE TO` was answered with is begun, shown as it changes, paused, and ended with Ctrl-C.
// Writes are gathered: a thousand changes a second are some tens of writes to the terminal.
import {
  type Column,
  type ConnectionState,
  KalamError,
  type QueryResult,
  type SubscribeOptions,
  type Subscription,
} from "../link/index.ts";
import { isObject, parseJson } from "../protocol/json.ts";
import type { ChangeFormat } from "./change-format.ts";
import { changeFormat } from "./change-text.ts";
import { colors } from "./colors.ts";
import type { Session } from "./session.ts";
import type { Key } from "./terminal.ts";

/** Rows that may wait while the user pauses, or the terminal is slow; with more the subscription is begun again where the reading stopped. */
const MAX_WAITING_ROWS = 200_000;
/** Written at once at the latest. */
const MAX_PENDING_LENGTH = 256 * 1024;

interface Wanted {
  readonly sql: string;
  readonly options: SubscribeOptions;
}

/** `subscription` in the answer to SUBSCRIBE TO. */
export function wantedSubscription(result: QueryResult | undefined): Wanted {
  const text = result?.rows[0]?.["subscription"];
  const value = typeof text === "string" ? parseJson(text) : undefined;
  const { sql, options } = isObject(value) ? value : {};
  if (typeof sql !== "string") throw new KalamError("BAD_RESPONSE", "the server did not say what to subscribe to");
  const { last_rows: lastRows, batch_size: batchSize, from } = isObject(options) ? options : {};
  return {
    sql,
    options: {
      ...(typeof lastRows === "number" ? { lastRows } : {}),
      ...(typeof batchSize === "number" ? { batchSize } : {}),
      ...(typeof from === "string" ? { from } : {}),
    },
  };
}

export interface WatchOptions {
  readonly maxWaitingRows?: number;
}

export async function watchSubscription(
  result: QueryResult | undefined,
  session: Session,
  { maxWaitingRows = MAX_WAITING_ROWS }: WatchOptions = {},
): Promise<void> {
  const { sql, options } = wantedSubscription(result);
  await using watch = new Watch(session, { sql, options: { ...options, maxQueuedRows: maxWaitingRows } });
  await watch.run();
}

class Watch implements AsyncDisposable {
  readonly #session: Session;
  readonly #wanted: Wanted;
  readonly #disposables: Disposable[] = [];
  readonly #format: ChangeFormat;
  #subscription: Subscription | undefined;
  #pending = "";
  #writing: Promise<void> | undefined;
  #failure: unknown;
  #isEnding = false;
  /** There while the user pauses; settled when it goes on. */
  #pause: PromiseWithResolvers<void> | undefined;

  constructor(session: Session, wanted: Wanted) {
    this.#session = session;
    this.#wanted = wanted;
    const { settings, output } = session;
    this.#format = changeFormat({
      settings,
      isTerminal: output.isTerminal,
      columns: (): readonly Column[] => this.#subscription?.columns ?? [],
    });
  }

  async run(): Promise<void> {
    this.#listen();
    let cursor: string | undefined;
    while (!this.#isEnding) {
      const subscription = this.#subscribe(cursor);
      const error = await this.#follow(subscription);
      if (error === undefined) break;
      cursor = subscription.cursor;
      if (error.code !== "CLIENT_QUEUE_FULL" || cursor === undefined) throw error;
      this.#note("more changes came than are kept waiting; the server sends them again from here");
    }
    await this.#writing;
    await this.#flush();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const disposable of this.#disposables) disposable[Symbol.dispose]();
    this.#subscription?.unsubscribe();
    // The socket was for this alone.
    this.#session.client.disconnect();
    await this.#writing?.catch(() => undefined);
  }

  /** `cursor`: where an earlier subscription was read to; then it is everything since that is wanted. */
  #subscribe(cursor: string | undefined): Subscription {
    const { namespace } = this.#session.settings;
    const { lastRows: _newest, ...rest } = this.#wanted.options;
    this.#subscription = this.#session.client.subscribe(this.#wanted.sql, {
      ...(cursor === undefined ? this.#wanted.options : { ...rest, from: cursor }),
      ...(namespace === undefined ? {} : { namespace }),
    });
    return this.#subscription;
  }

  /** To its end: undefined when the user ended it, else why. */
  async #follow(subscription: Subscription): Promise<KalamError | undefined> {
    for await (const event of subscription) {
      if (this.#isEnding) return undefined;
      if (event.kind === "error") return event.error;
      // Here and not before the next is taken: that one may have been waited for already.
      await this.#pause?.promise;
      if (this.#isEnding) return undefined;
      const { data, note } = this.#format.text(event, new Date());
      if (note !== "") this.#note(note);
      this.#write(data);
      if (event.kind === "ready") this.#explain();
      if (this.#pending.length > MAX_PENDING_LENGTH) await this.#writing;
    }
    return undefined;
  }

  #listen(): void {
    const { terminal, client } = this.#session;
    if (this.#hasKeys) this.#disposables.push(terminal.readKeys((key) => this.#onKey(key)));
    // Also where keys are read: `kill -INT` is a wish too.
    this.#disposables.push(terminal.onInterrupt(() => this.#end()));
    // Said once for a loss, however often the connection is tried.
    let phase: "new" | "there" | "lost" = "new";
    const forget = client.onConnectionState((state: ConnectionState) => {
      if (state === "waiting" && phase === "there") {
        phase = "lost";
        this.#note("connection lost, trying again");
      } else if (state === "connected") {
        if (phase === "lost") this.#note("connected again, changes since then follow");
        phase = "there";
      }
    });
    this.#disposables.push({ [Symbol.dispose]: forget });
  }

  get #hasKeys(): boolean {
    return this.#session.terminal.isInput && this.#session.output.isTerminal;
  }

  #onKey({ name, ctrl, text }: Key): void {
    if ((ctrl && (name === "c" || name === "d")) || name === "q") this.#end();
    else if (name === "p" || text === " ") this.#togglePause();
  }

  #togglePause(): void {
    if (this.#pause === undefined) {
      this.#pause = Promise.withResolvers();
      this.#note("paused: space goes on");
      return;
    }
    this.#note("going on");
    this.#pause.resolve();
    this.#pause = undefined;
  }

  #end(): void {
    this.#isEnding = true;
    this.#subscription?.unsubscribe();
    this.#pause?.resolve();
  }

  #explain(): void {
    if (this.#hasKeys) this.#note("Ctrl-C ends, space pauses");
  }

  /** In its place among the rows where both are on the screen. */
  #note(text: string): void {
    const { settings, output, terminal } = this.#session;
    if (settings.quiet) return;
    const line = colors(settings.hasColor).dim(`-- ${text} --`);
    if (output.isTerminal) this.#write(`${line}\n`);
    else void terminal.writeError(`${line}\n`);
  }

  #write(text: string): void {
    this.#pending += text;
    if (this.#pending === "" || this.#writing !== undefined) return;
    this.#writing = this.#flush().catch((error: unknown) => {
      this.#failure = error;
      this.#end();
    });
  }

  async #flush(): Promise<void> {
    // What else comes in this turn of the loop goes out in the same write.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#pending !== "") {
      const text = this.#pending;
      this.#pending = "";
      await this.#session.output.write(text);
    }
    this.#writing = undefined;
  }
}
