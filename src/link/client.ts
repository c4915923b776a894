// The client: SQL over HTTP, live queries over one socket that opens when it is first needed and heals itself.
import type { FileRef } from "../model/file-ref.ts";
import type { WireFormat } from "../protocol/frame.ts";
import { signIn } from "./account.ts";
import { type BackoffOptions, DEFAULT_BACKOFF } from "./backoff.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import { type Auth, type Credentials, createCredentials } from "./credentials.ts";
import { parseCursor } from "./cursor.ts";
import { DEFAULT_QUEUE_ROWS, EventQueue } from "./event-queue.ts";
import type { Feed, FeedOptions } from "./feed.ts";
import { exportPath, type FileParts, filePath } from "./files.ts";
import { createSqlApi, type Health, readHealth, type SqlApi } from "./http-api.ts";
import { KalamError } from "./kalam-error.ts";
import { LiveRows, type LiveSet } from "./live-set.ts";
import { createNativeFeed } from "./native-feed.ts";
import { createPeerFeed } from "./peer-feed.ts";
import type { QueryResult } from "./query-result.ts";
import type { CompareRows } from "./row-set.ts";
import { createSubscription, type Subscription } from "./subscription.ts";
import { type Param, paramValue } from "./value.ts";
import type { WebSocketConstructor } from "./web-socket.ts";

export interface ClientOptions {
  /** `http://host:port` or `https://…`. */
  readonly url: string;
  readonly auth: Auth;
  /** Notation of live data; JSON is the faster one in JavaScript. */
  readonly format?: WireFormat;
  /** `peer` speaks the older protocol of KalamDB servers: no atomic commits, no channels. */
  readonly protocol?: "native" | "peer";
  /** Let the server compress frames. Saves bytes, costs time on both sides. */
  readonly gzip?: boolean;
  readonly reconnect?: Partial<BackoffOptions>;
  readonly connectTimeoutMs?: number;
  /** How often a silent server is asked for a sign of life; 0 never. */
  readonly pingIntervalMs?: number;
  /** For runtimes without a global one (Node 20). */
  readonly webSocket?: WebSocketConstructor;
}

export interface QueryOptions {
  readonly signal?: AbortSignal;
  readonly namespace?: string;
}

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  /** Of another user's rows, for those who may act as them. */
  readonly user?: string;
}

export interface SubscribeOptions {
  /** Unique within the client; made up when left out. */
  readonly id?: string;
  readonly params?: readonly Param[];
  readonly namespace?: string;
  /** Begin with the newest rows only. */
  readonly lastRows?: number;
  /** Rows in one page of the snapshot. */
  readonly batchSize?: number;
  /** Go on after this cursor instead of sending a whole snapshot. */
  readonly from?: string | bigint;
  /** `false`: only what changes from now on. */
  readonly snapshot?: boolean;
  /**
   * What the server does while this client reads too slowly: `disconnect` (then the client comes back and resumes) or `latest` (it sends the newest
   * state of each changed row when it can, so commits may come merged).
   */
  readonly slowConsumer?: "disconnect" | "latest";
  /** Rows that may wait unread before the subscription ends with CLIENT_QUEUE_FULL. */
  readonly maxQueuedRows?: number;
}

export interface LiveOptions
  extends Pick<SubscribeOptions, "id" | "params" | "namespace" | "lastRows" | "batchSize" | "slowConsumer"> {
  readonly orderBy?: CompareRows;
}

export interface SubscriptionInfo {
  readonly id: string;
  readonly sql: string;
  readonly phase: Feed["phase"];
}

export interface KalamClient extends AsyncDisposable {
  /** Runs SQL and gives the result of its last statement. Throws KalamError. */
  query(sql: string, params?: readonly Param[], options?: QueryOptions): Promise<QueryResult>;
  /** Runs statements separated by `;` and gives a result for each. */
  batch(sql: string, options?: QueryOptions): Promise<readonly QueryResult[]>;
  /**
   * The same for an INSERT or UPDATE that says `FILE('name')` where a part of `files` is to be stored.
   * @example
   * await client.queryWithFiles("INSERT INTO app.docs (id, doc) VALUES ($1, FILE('doc'))", { doc: file }, [1]);
   */
  queryWithFiles(
    sql: string,
    files: FileParts,
    params?: readonly Param[],
    options?: QueryOptions,
  ): Promise<QueryResult>;
  /** Where the bytes of a file are; whoever asks there needs the credentials of a reader. `table` is `namespace.name`. */
  fileUrl(table: string, ref: FileRef, options?: { readonly user?: string }): string;
  download(table: string, ref: FileRef, options?: DownloadOptions): Promise<Blob>;
  /** The same as a stream, for files that are not to be held in memory. */
  downloadStream(table: string, ref: FileRef, options?: DownloadOptions): Promise<ReadableStream<Uint8Array>>;
  /** The ZIP file that the job of `EXPORT USER DATA` made. */
  downloadExport(
    user: string,
    jobId: string,
    options?: Pick<DownloadOptions, "signal">,
  ): Promise<ReadableStream<Uint8Array>>;
  health(options?: { readonly signal?: AbortSignal }): Promise<Health>;
  subscribe(sql: string, options?: SubscribeOptions): Subscription;
  live(sql: string, options?: LiveOptions): LiveSet;
  subscriptions(): readonly SubscriptionInfo[];
  readonly connectionState: ConnectionState;
  /** Gives a function that ends the listening. */
  onConnectionState(listener: (state: ConnectionState) => void): () => void;
  /** Ends every subscription and closes the socket. The client can be used again. */
  disconnect(): void;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
const DEFAULT_PING_INTERVAL_MS = 20_000;

function globalWebSocket(): WebSocketConstructor {
  if (typeof WebSocket === "undefined") {
    throw new KalamError("UNSUPPORTED", "this runtime has no WebSocket; pass one as the webSocket option");
  }
  return WebSocket;
}

/**
 * @example
 * const client = createClient({ url: "http://127.0.0.1:8080", auth: { user: "root", password: "…" } });
 * const { rows } = await client.query("SELECT * FROM chat.messages WHERE room = $1", ["general"]);
 * for await (const event of client.subscribe("SELECT * FROM chat.messages")) {
 *   if (event.kind === "insert") show(event.row);
 * }
 */
export function createClient(options: ClientOptions): KalamClient {
  return new Client(options);
}

class Client implements KalamClient {
  readonly #options: ClientOptions;
  readonly #baseUrl: string;
  readonly #credentials: Credentials;
  readonly #sqlApi: SqlApi;
  readonly #stateListeners = new Set<(state: ConnectionState) => void>();
  #connection: Connection | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.#baseUrl = options.url.replace(/\/+$/, "");
    this.#credentials = createCredentials(
      options.auth,
      async (user, password) => (await signIn(this.#baseUrl, { user, password })).accessToken,
    );
    this.#sqlApi = createSqlApi(this.#baseUrl, this.#credentials);
  }

  async query(sql: string, params: readonly Param[] = [], options: QueryOptions = {}): Promise<QueryResult> {
    const { signal, namespace } = options;
    return lastOf(await this.#sqlApi.run(sql, { params, namespace, signal }));
  }

  async queryWithFiles(
    sql: string,
    files: FileParts,
    params: readonly Param[] = [],
    { signal, namespace }: QueryOptions = {},
  ): Promise<QueryResult> {
    return lastOf(await this.#sqlApi.runWithFiles(sql, files, { params, namespace, signal }));
  }

  fileUrl(table: string, ref: FileRef, { user }: { readonly user?: string } = {}): string {
    return this.#baseUrl + filePath(table, ref, user);
  }

  async download(table: string, ref: FileRef, { user, signal }: DownloadOptions = {}): Promise<Blob> {
    return (await this.#sqlApi.download(filePath(table, ref, user), signal)).blob();
  }

  async downloadStream(
    table: string,
    ref: FileRef,
    { user, signal }: DownloadOptions = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return bodyOf(await this.#sqlApi.download(filePath(table, ref, user), signal));
  }

  async downloadExport(
    user: string,
    jobId: string,
    { signal }: Pick<DownloadOptions, "signal"> = {},
  ): Promise<ReadableStream<Uint8Array>> {
    return bodyOf(await this.#sqlApi.download(exportPath(user, jobId), signal));
  }

  batch(sql: string, { signal, namespace }: QueryOptions = {}): Promise<readonly QueryResult[]> {
    return this.#sqlApi.run(sql, { params: [], namespace, signal });
  }

  health({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Health> {
    return readHealth(this.#baseUrl, signal);
  }

  subscribe(sql: string, options: SubscribeOptions = {}): Subscription {
    const connection = this.#connect();
    const feed = this.#createFeed(sql, options);
    const remove = (): void => connection.remove(feed);
    const queue = new EventQueue({
      maxRows: options.maxQueuedRows ?? DEFAULT_QUEUE_ROWS,
      cursor: options.from?.toString(),
      onFull: remove,
    });
    connection.add(feed, (events) => queue.push(events));
    return createSubscription(feed, queue, remove);
  }

  live(sql: string, options: LiveOptions = {}): LiveSet {
    const connection = this.#connect();
    const feed = this.#createFeed(sql, options);
    const remove = (): void => connection.remove(feed);
    const set = new LiveRows({ id: feed.id, compare: options.orderBy, remove });
    connection.add(feed, (events) => set.receive(events));
    return set;
  }

  subscriptions(): readonly SubscriptionInfo[] {
    return (this.#connection?.feeds ?? []).map(({ id, sql, phase }) => ({ id, sql, phase }));
  }

  get connectionState(): ConnectionState {
    return this.#connection?.state ?? "disconnected";
  }

  onConnectionState(listener: (state: ConnectionState) => void): () => void {
    this.#stateListeners.add(listener);
    return () => void this.#stateListeners.delete(listener);
  }

  disconnect(): void {
    this.#connection?.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.disconnect();
    return Promise.resolve();
  }

  #connect(): Connection {
    const { protocol, format, gzip, reconnect, connectTimeoutMs, pingIntervalMs, webSocket } = this.#options;
    this.#connection ??= new Connection({
      url: `${this.#baseUrl.replace(/^http/, "ws")}/v1/ws`,
      protocol: protocol ?? "native",
      format: format ?? "json",
      gzip: gzip ?? false,
      backoff: { ...DEFAULT_BACKOFF, ...reconnect },
      connectTimeoutMs: connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
      pingIntervalMs: pingIntervalMs ?? DEFAULT_PING_INTERVAL_MS,
      webSocket: webSocket ?? globalWebSocket(),
      credentials: this.#credentials,
      onState: (state) => {
        for (const listener of this.#stateListeners) listener(state);
      },
    });
    return this.#connection;
  }

  #createFeed(sql: string, options: SubscribeOptions): Feed {
    // Servers of the older protocol want the newest rows to fit one batch.
    const batchSize = options.batchSize ?? (this.#options.protocol === "peer" ? options.lastRows : undefined);
    const feedOptions = { ...toFeedOptions(sql, options), batchSize };
    return this.#options.protocol === "peer" ? createPeerFeed(feedOptions) : createNativeFeed(feedOptions);
  }
}

/** Of an empty answer there is none. */
function bodyOf(response: Response): ReadableStream<Uint8Array> {
  return response.body ?? new Blob([]).stream();
}

function lastOf(results: readonly QueryResult[]): QueryResult {
  const result = results.at(-1);
  if (result === undefined) throw new KalamError("BAD_RESPONSE", "the server sent no result");
  return result;
}

function toFeedOptions(sql: string, options: SubscribeOptions): FeedOptions {
  return {
    id: options.id ?? `sub-${crypto.randomUUID()}`,
    sql,
    params: (options.params ?? []).map(paramValue),
    namespace: options.namespace,
    lastRows: options.lastRows,
    batchSize: options.batchSize,
    wantsSnapshot: options.snapshot ?? true,
    slow: options.slowConsumer,
    from: options.from === undefined ? undefined : parseCursor(options.from),
  };
}
