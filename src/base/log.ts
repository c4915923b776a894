// The logging seam. Code takes a Log; only the composition root decides where lines go.

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean | bigint | null | undefined>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** The higher, the more it matters. */
export const LEVEL_ORDER: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line: `time`, `level`, `message`, then the fields. `write` gets the line with its newline. */
export function createJsonLog(level: LogLevel, write: (line: string) => void, nowMs: () => number = Date.now): Log {
  const emit = (at: LogLevel, message: string, fields: LogFields = {}): void => {
    if (LEVEL_ORDER[at] < LEVEL_ORDER[level]) return;
    const line = { time: new Date(nowMs()).toISOString(), level: at, message, ...fields };
    write(
      `${JSON.stringify(line, (_key, value: unknown) => (typeof value === "bigint" ? value.toString() : value))}\n`,
    );
  };
  return logOf(emit);
}

/** For people at a terminal: `12:30:05 WARN  message key=value`. */
export function createCompactLog(level: LogLevel, write: (line: string) => void, nowMs: () => number = Date.now): Log {
  const emit = (at: LogLevel, message: string, fields: LogFields = {}): void => {
    if (LEVEL_ORDER[at] < LEVEL_ORDER[level]) return;
    const pairs = Object.entries(fields).map(([name, value]) => ` ${name}=${String(value)}`);
    const clock = new Date(nowMs()).toISOString().slice(11, 19);
    write(`${clock} ${at.toUpperCase().padEnd(5)} ${message}${pairs.join("")}\n`);
  };
  return logOf(emit);
}

function logOf(emit: (at: LogLevel, message: string, fields?: LogFields) => void): Log {
  return {
    debug: (message, fields) => emit("debug", message, fields),
    info: (message, fields) => emit("info", message, fields),
    warn: (message, fields) => emit("warn", message, fields),
    error: (message, fields) => emit("error", message, fields),
  };
}

const discard = (): void => undefined;
export const silentLog: Log = { debug: discard, info: discard, warn: discard, error: discard };

/** The text of anything thrown, for a log line. */
export function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
