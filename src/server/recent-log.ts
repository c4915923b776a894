// The newest lines of the log in memory, for `system.server_logs`: whatever the lines are written to, an administrator can ask for them in SQL.
import { LEVEL_ORDER, type Log, type LogFields, type LogLevel } from "../base/log.ts";
import type { Cell } from "../model/sql-type.ts";

const MAX_LINES = 1_000;
/** Of a message, and of its fields as JSON: a line is kept to be looked at, the log has all of it. */
const MAX_TEXT_LENGTH = 4_096;

export interface RecentLogOptions {
  /** Where every line goes too. */
  readonly log: Log;
  /** Below it nothing is kept. */
  readonly level: LogLevel;
  readonly nowMs: () => number;
}

export class RecentLog implements Log {
  readonly #options: RecentLogOptions;
  /** In the order of SERVER_LOG_COLUMNS, oldest first; the oldest half goes at once. */
  #lines: (readonly Cell[])[] = [];

  constructor(options: RecentLogOptions) {
    this.#options = options;
  }

  debug(message: string, fields?: LogFields): void {
    this.#keep("debug", message, fields);
    this.#options.log.debug(message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#keep("info", message, fields);
    this.#options.log.info(message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#keep("warn", message, fields);
    this.#options.log.warn(message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#keep("error", message, fields);
    this.#options.log.error(message, fields);
  }

  /** At most the newest thousand. */
  rows(): readonly (readonly Cell[])[] {
    return this.#lines.slice(-MAX_LINES);
  }

  #keep(level: LogLevel, message: string, fields: LogFields = {}): void {
    const { level: least, nowMs } = this.#options;
    if (LEVEL_ORDER[level] < LEVEL_ORDER[least]) return;
    const json = JSON.stringify(fields, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));
    const kept = json.length > MAX_TEXT_LENGTH ? JSON.stringify({ cut: json.slice(0, MAX_TEXT_LENGTH) }) : json;
    const time = new Date(nowMs()).toISOString();
    this.#lines.push([time, level, null, null, null, message.slice(0, MAX_TEXT_LENGTH).toWellFormed(), kept]);
    if (this.#lines.length >= 2 * MAX_LINES) this.#lines = this.#lines.slice(-MAX_LINES);
  }
}
