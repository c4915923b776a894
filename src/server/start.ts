// The composition root: the only place that makes the parts of the server and hands them to each other, in the order of start-up, and takes them down in the
// reverse order.
import { edenGC } from "bun:jsc";
import { resolve } from "node:path";
import type { Server } from "bun";
import type { Accounts } from "../auth/accounts.ts";
import type { ApiKeys } from "../auth/api-keys.ts";
import { createClientResolver } from "../auth/client-ip.ts";
import { RateLimiter } from "../auth/rate-limit.ts";
import { loadOrCreateSecrets, type RootPassword, type Secrets } from "../auth/secrets.ts";
import { ROOT_USER } from "../auth/user.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { IdleSteps } from "../base/idle-steps.ts";
import type { Log } from "../base/log.ts";
import { Pacer } from "../base/pacer.ts";
import type { Config } from "../config/config.ts";
import { settingsView } from "../config/help.ts";
import { createAudit } from "../engine/audit.ts";
import { createDefaultGenerator } from "../engine/defaults.ts";
import type { EngineDeps } from "../engine/deps.ts";
import { createEngine } from "../engine/engine.ts";
import { createPreparer, type Preparer } from "../engine/prepare.ts";
import { createQueryRunner } from "../engine/query/runner.ts";
import type { QueryRunner } from "../engine/reads.ts";
import { rehearsedPlans } from "../engine/rehearsed-plans.ts";
import { Turns } from "../engine/turns.ts";
import type { ViewSource } from "../engine/views/definition.ts";
import { SYSTEM_VIEWS } from "../engine/views/registry.ts";
import type { LogFilesView } from "../jobs/log-cleanup-kind.ts";
import type { LiveQueries } from "../live/live-queries.ts";
import type { Audit } from "../model/audit.ts";
import { loadParser, type Parser } from "../sql/parse/parser.ts";
import { auditRows } from "./audit-rows.ts";
import { bindPort, type Wiring } from "./bind-port.ts";
import { createCors } from "./cors.ts";
import { type Foundation, openFoundation, type ServerSeams } from "./foundation.ts";
import { createFetchHandler } from "./http.ts";
import { type Identity, type IdentityOptions, openIdentity } from "./identity.ts";
import { InFlight } from "./in-flight.ts";
import { liveRows } from "./live-rows.ts";
import { NO_LOG_FILES } from "./log-files.ts";
import { metricsText } from "./metrics.ts";
import { openLive } from "./open-live.ts";
import type { SocketTable } from "./outlet.ts";
import { RecentLog } from "./recent-log.ts";
import { createIdentify } from "./request-identity.ts";
import { MAX_ADDRESSES_COUNTED } from "./socket-admission.ts";
import type { SocketData } from "./socket-data.ts";
import { SocketServer } from "./sockets.ts";
import { type StatsSource, serverStats, type WriteCounters } from "./stats.ts";
import { createStopping, type StopInput, type Stopping } from "./stop.ts";
import { UploadReceiver } from "./upload.ts";

export interface StartOptions {
  readonly config: Config;
  readonly log: Log;
  /** Where the log is kept, for its retention. */
  readonly logFiles?: LogFilesView;
  readonly clock?: Clock;
  readonly seams?: ServerSeams;
}

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Set on the start that gave root its password. */
  readonly rootPassword: RootPassword | undefined;
  readonly dataDir: string;
  /** Stops accepting, closes sockets, ends jobs, commits, closes storage. Idempotent. */
  stop(): Promise<void>;
}

const MAX_CONTENDED_WRITES = 1_000;
const MAX_ROWS_PER_STATEMENT = 20_000;
/** More than all parameters of a statement can be together. */
const MAX_WRITE_BYTES = 32 * 1024 * 1024;
/** What storms of upgrades and subscribes may take of one turn of the loop; sockets and commits have the rest, and a commit may have to wait for it. */
const PACED_SLICE_MS = 1;
/** A client that comes takes two of them. What its coming leaves behind is collected before it has made the heap grow: decision 025. */
const COLLECTED_TURNS = 1_000;
const QUEUE_LOOK_INTERVAL_MS = 1_000;
const PROGRESS_INTERVAL_MS = 15_000;
const RETIRED_FILES_INTERVAL_MS = 10_000;
const UPKEEP_INTERVAL_MS = 60_000;
const STREAM_EXPIRY_INTERVAL_MS = 500;

export async function startServer(options: StartOptions): Promise<RunningServer> {
  const { config, logFiles = NO_LOG_FILES, clock = systemClock, seams = {} } = options;
  const log = new RecentLog({ log: options.log, level: config.logging.level, nowMs: () => clock.nowMs() });
  const wiring: Wiring = { fetch: undefined, sockets: undefined, onRevoked: undefined };
  // The port first: a second server must fail before it touches the data of the first.
  const server = bindPort(config, wiring, log);
  const opened: (() => Promise<void> | void)[] = [() => server.stop(true)];
  try {
    return await wire({ config, log, logFiles, clock, seams, server, wiring, opened });
  } catch (error) {
    for (const close of opened.toReversed()) await close();
    throw error;
  }
}

interface WireInput {
  readonly config: Config;
  readonly log: RecentLog;
  readonly logFiles: LogFilesView;
  readonly clock: Clock;
  readonly seams: ServerSeams;
  readonly server: Server<SocketData>;
  readonly wiring: Wiring;
  /** What to undo when a later step fails, oldest first. */
  readonly opened: (() => Promise<void> | void)[];
}

async function wire(input: WireInput): Promise<RunningServer> {
  const { config, log, clock, server, wiring } = input;
  const startedAtMs = clock.nowMs();
  const dataDir = resolve(config.storage.dataPath);
  const secrets = loadOrCreateSecrets({ dataDir, config: config.auth, log });
  const foundation = await openFoundation({ ...input, secret: secrets.jwtSecret }, dataDir);
  const { store, jobs, pool } = foundation;
  const audit = createAudit({ writer: store.writer, clock, log, maxEntries: config.audit.maxEntries });
  const { accounts, apiKeys } = await identityOf(input, { store, audit, jwtSecret: secrets.jwtSecret });
  const rootPassword = await accounts.ensureRoot(secrets);
  const queries = createQueryRunner(pool, store.streams);
  const pacer = new Pacer({ clock, sliceMs: PACED_SLICE_MS, sweep: { everyTurns: COLLECTED_TURNS, run: edenGC } });
  const opened = openLive({ server, config, clock, log, store, queries, pacer });
  const { live, sockets, writes } = opened;
  input.opened.push(opened.stopLoading);
  const { parser, preparer } = await openPreparer(config, foundation);
  const stats = statsSource({ startedAtMs, clock, foundation, preparer, live, writes, sockets });
  const engine = createEngine(
    engineDeps({ input, foundation, accounts, apiKeys, audit, live, queries, preparer, stats }),
    live,
  );
  foundation.exports.setEngine(engine);
  const identify = createIdentify(accounts, config);
  const socketServer = new SocketServer({ ...opened, accounts, identify, engine, config, clock, log, pacer });
  const inFlight = new InFlight();
  const stopping = createStopping({
    server,
    sockets: socketServer,
    jobs,
    inFlight,
    timeoutMs: config.shutdown.timeoutMs,
    log,
    closers: closersOf(foundation),
  });
  wireSockets(input, { socketServer, live, secrets, apiKeys, sockets });
  wiring.fetch = createFetchHandler({
    engine,
    identify,
    auth: { accounts, limiter: authLimiter(config, clock), config: config.auth, log },
    sockets: socketServer,
    pacer,
    resolveClient: createClientResolver(config.security.trustedProxyRanges),
    cors: createCors(config.security.cors.allowedOrigins),
    config,
    clock,
    log,
    startedAtMs,
    dataDir,
    catalog: store.catalog,
    files: foundation.files,
    uploads: new UploadReceiver({ config, dataDir }),
    metrics: () => metricsText(stats),
    isStopping: stopping.isStopping,
    inFlight,
  });
  startTimers(stopping, { config, foundation, live, parser });
  const url = urlOf(input);
  log.info("server started", { url, dataDir });
  return { url, port: server.port ?? config.server.port, rootPassword, dataDir, stop: stopping.stop };
}

function wireSockets(
  { wiring }: WireInput,
  parts: {
    readonly socketServer: SocketServer;
    readonly sockets: SocketTable;
    readonly live: LiveQueries;
    readonly secrets: Secrets;
    readonly apiKeys: ApiKeys;
  },
): void {
  const { socketServer, sockets, live, secrets, apiKeys } = parts;
  wiring.sockets = socketServer;
  wiring.onRevoked = (user, reason) => {
    live.dropUser(user, "revoked", (id) => apiKeys.isGood(sockets.get(id)?.data.apiKey ?? ""));
    if (user === ROOT_USER && reason === "password changed") secrets.forgetGeneratedRootPassword();
  };
}

function identityOf(
  { config, clock, log, wiring }: WireInput,
  parts: Pick<IdentityOptions, "store" | "audit" | "jwtSecret">,
): Promise<Identity> {
  return openIdentity({
    ...parts,
    config: config.auth,
    clock,
    log,
    onRevoked: (user, reason) => wiring.onRevoked?.(user, reason),
    onKeyDropped: (key) => wiring.sockets?.closeKey(key),
  });
}

function statsSource(parts: {
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly foundation: Foundation;
  readonly preparer: Preparer;
  readonly live: LiveQueries;
  readonly writes: WriteCounters;
  readonly sockets: SocketTable;
}): StatsSource {
  const { startedAtMs, clock, foundation, preparer, live, writes, sockets } = parts;
  return {
    clock,
    startedAtMs,
    catalog: foundation.store.catalog,
    pool: () => foundation.pool.stats,
    plans: () => preparer.stats(),
    live: () => live.counters(),
    writes: () => writes,
    sockets: () => sockets.size,
  };
}

/** In the order they must close. */
function closersOf({ flusher, droppedFiles, pool, store }: Foundation): StopInput["closers"] {
  return [() => flusher.close(), () => droppedFiles.idle(), () => pool.close(), () => store.close()];
}

function startTimers(
  stopping: Stopping,
  parts: {
    readonly config: Config;
    readonly foundation: Foundation;
    readonly live: LiveQueries;
    readonly parser: Parser;
  },
): void {
  const { files, generators, jobs, retired, store } = parts.foundation;
  stopping.every(parts.config.flush.checkIntervalSeconds * 1000, () => jobs.checkPolicies());
  stopping.every(QUEUE_LOOK_INTERVAL_MS, () => parts.live.lookAtQueues());
  stopping.every(UPKEEP_INTERVAL_MS, () => jobs.checkUpkeep(), { atOnce: true });
  stopping.every(PROGRESS_INTERVAL_MS, () => parts.live.progress());
  stopping.every(RETIRED_FILES_INTERVAL_MS, () => retired.sweep());
  stopping.every(UPKEEP_INTERVAL_MS, () => files.sweep(), { atOnce: true });
  stopping.every(STREAM_EXPIRY_INTERVAL_MS, () => store.streams.expire());
  stopping.every(parts.config.stream.evictionIntervalSeconds * 1000, () => jobs.checkStreams());
  const { parser } = parts;
  new IdleSteps(rehearsedPlans({ parser, generators, isWanted: () => !stopping.isStopping() })).resume();
}

async function openPreparer(
  config: Config,
  { store, generators }: Foundation,
): Promise<{ readonly parser: Parser; readonly preparer: Preparer }> {
  const parser = await loadParser();
  const preparer = createPreparer({
    parser,
    catalog: store.catalog,
    generators,
    maxPlans: config.execution.sqlPlanCacheMaxEntries,
  });
  return { parser, preparer };
}

function urlOf({ config, server }: WireInput): string {
  return `http://${urlHost(config.server.host)}:${server.port}`;
}

function urlHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function authLimiter(config: Config, clock: Clock): RateLimiter {
  return new RateLimiter({
    perSecond: config.rateLimit.maxAuthRequestsPerIpPerSec,
    capacity: MAX_ADDRESSES_COUNTED,
    clock,
  });
}

interface EngineInput {
  readonly input: WireInput;
  readonly foundation: Foundation;
  readonly accounts: Accounts;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
  readonly live: LiveQueries;
  readonly queries: QueryRunner;
  readonly preparer: Preparer;
  readonly stats: StatsSource;
}

function engineDeps(parts: EngineInput): EngineDeps {
  const { input, foundation, accounts, apiKeys, audit, live, queries, preparer } = parts;
  const { config, log, clock } = input;
  const { store, jobs, generators } = foundation;
  return {
    clock,
    log,
    catalog: store.catalog,
    writer: store.writer,
    indexes: store.indexes,
    reader: store.reader,
    queries,
    preparer,
    defaults: createDefaultGenerator(generators),
    views: viewSource(parts),
    accounts,
    serverUrl: () => urlOf(input),
    apiKeys,
    audit,
    files: foundation.files,
    retireFiles: (segments) => foundation.retired.retire(segments),
    storages: {
      access: foundation.storages.access,
      settled: () => foundation.droppedFiles.idle(),
      epoch: store.epoch,
    },
    live: {
      killConnection: (connection) => live.killConnection(connection),
      ownerOf: (liveId) => live.ownerOf(liveId),
      killLiveQuery: (liveId) => live.kill(liveId),
      subscriptionsOf: (table) => live.subscriptionsOf(table),
      subscriptionsOfView: (view) => live.subscriptionsOfView(view),
    },
    jobs,
    contended: new Turns(MAX_CONTENDED_WRITES),
    tableDefinitionRole: config.security.tableDefinitionRole,
    limits: {
      maxRowsPerStatement: MAX_ROWS_PER_STATEMENT,
      maxWriteBytes: MAX_WRITE_BYTES,
      maxResultBytes: config.query.maxResultBytes,
    },
  };
}

/** Where system views get what the catalog does not hold. */
function viewSource({ input, foundation, live, stats }: EngineInput): ViewSource {
  const { config, log, wiring } = input;
  const { store } = foundation;
  return {
    catalog: store.catalog,
    liveQueries: () => liveRows(live),
    connections: () => wiring.sockets?.rows() ?? [],
    settings: () =>
      settingsView(config).map(({ name, value, description, category }) => [name, value, description, category]),
    auditLog: () => auditRows(store.reader),
    serverLog: () => log.rows(),
    stats: () => serverStats(stats),
    storageFolder: foundation.storageDir,
    versionedJson: new Map(),
    views: () => SYSTEM_VIEWS.values(),
  };
}
