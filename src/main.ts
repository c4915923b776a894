// The command line: which program this process is.
import { resolve } from "node:path";
import { systemClock } from "./base/clock.ts";
import { DbError } from "./base/errors.ts";
import { createCompactLog, createJsonLog, errorText, type Log } from "./base/log.ts";
import { readTextIfThere } from "./base/read-text-if-there.ts";
import { VERSION } from "./base/version.ts";
import { runCli } from "./cli/run-cli.ts";
import { processTerminal } from "./cli/terminal.ts";
import type { Config } from "./config/config.ts";
import { loadConfig } from "./config/load-config.ts";
import { HOUR_MS } from "./config/setting.ts";
import { backupCommand, restoreCommand } from "./server/backup-command.ts";
import { serveBackup } from "./server/backup-process.ts";
import { banner } from "./server/banner.ts";
import { serveIndexes } from "./server/index-process.ts";
import { LogFiles } from "./server/log-files.ts";
import { serveQueries } from "./server/query-process.ts";
import { type RunningServer, startServer } from "./server/start.ts";

const USAGE_ERROR = 2;

async function main(argv: readonly string[]): Promise<void> {
  const [command, ...rest] = argv;
  if (command === "__query-process") {
    serveQueries();
    return;
  }
  if (command === "__index") {
    serveIndexes();
    return;
  }
  if (command === "__backup") {
    serveBackup();
    return;
  }
  const write = (text: string): void => {
    process.stdout.write(text);
  };
  if (command === "backup") return backupCommand({ argv: rest, write, env: process.env });
  if (command === "restore") return restoreCommand({ argv: rest, write, env: process.env });
  if (command === "cli") process.exit(await runCli({ argv: rest, env: process.env, terminal: processTerminal() }));
  // `serve` is what the program is for; it may be left out.
  await serve(command === "serve" ? rest : argv);
}

async function serve(argv: readonly string[]): Promise<void> {
  const loaded = loadConfig({ argv, env: process.env, readFile: readTextIfThere });
  if (loaded.kind === "help") {
    process.stdout.write(`${loaded.text}\n`);
    return;
  }
  if (loaded.kind === "version") {
    process.stdout.write(`kalamdb ${VERSION}\n`);
    return;
  }
  const logFiles = openLogFiles(loaded.config);
  const log = createLog(loaded.config, logFiles);
  const server = await startServer({ config: loaded.config, log, ...(logFiles === undefined ? {} : { logFiles }) });
  process.stdout.write(banner(server));
  stopOnSignal(server, { log, logFiles });
}

function openLogFiles({ logging }: Config): LogFiles | undefined {
  if (logging.logsPath === "") return undefined;
  return new LogFiles({
    folder: resolve(logging.logsPath),
    maxFileBytes: logging.maxFileBytes,
    maxFileAgeMs: logging.maxFileAgeHours * HOUR_MS,
    retentionMs: logging.retentionDays * 24 * HOUR_MS,
    maxFiles: logging.maxFiles,
    nowMs: () => systemClock.nowMs(),
  });
}

function createLog(config: Config, files: LogFiles | undefined): Log {
  const hasConsole = config.logging.logToConsole || files === undefined;
  const write = (line: string): void => {
    if (hasConsole) process.stderr.write(line);
    files?.write(line);
  };
  const create = config.logging.format === "json" ? createJsonLog : createCompactLog;
  return create(config.logging.level, write);
}

interface LogOutputs {
  readonly log: Log;
  readonly logFiles: LogFiles | undefined;
}

function stopOnSignal(server: RunningServer, { log, logFiles }: LogOutputs): void {
  const end = async (): Promise<void> => {
    const failure = await server.stop().then(
      () => undefined,
      (error: unknown) => errorText(error),
    );
    if (failure !== undefined) log.error("stop failed", { error: failure });
    await logFiles?.close();
    process.exit(failure === undefined ? 0 : 1);
  };
  const stop = (signal: NodeJS.Signals): void => {
    log.info("stopping", { signal });
    void end();
  };
  // Every time: a terminal and each program between it and this one pass the same Ctrl-C on, and the second must not cut the stop short.
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const hint = error instanceof DbError && error.hint !== undefined ? `\n${error.hint}` : "";
  const text =
    error instanceof DbError
      ? `${error.message}${hint}`
      : error instanceof Error
        ? (error.stack ?? error.message)
        : String(error);
  process.stderr.write(`kalamdb: ${text}\n`);
  process.exit(error instanceof DbError && error.code === "INVALID_CONFIG" ? USAGE_ERROR : 1);
});
