// The settings of the log, a part of the one table.
import type { LogLevel } from "../base/log.ts";
import { GIB, KIB, MIB, setting } from "./setting.ts";
import { boolean, byteSize, choice, integer, optionalText } from "./value-type.ts";

export const LOGGING_SETTINGS = {
  "logging.level": setting({
    type: choice<LogLevel>(["debug", "info", "warn", "error"]),
    fallback: "info",
    help: "Least severe level that is logged.",
    env: ["KALAMDB_LOG_LEVEL"],
    aliases: ["--log-level"],
  }),
  "logging.format": setting({
    type: choice<"json" | "compact">(["json", "compact"]),
    fallback: "json",
    help: "json writes one object a line; compact is for reading.",
  }),
  "logging.logs_path": setting({
    type: optionalText("DIR", "a folder, or nothing"),
    fallback: "",
    help: "Folder that gets the log too, in files. Unset: the log goes to standard error alone.",
  }),
  "logging.log_to_console": setting({
    type: boolean,
    fallback: true,
    help: "Log to standard error; without it, logging.logs_path must be set.",
  }),
  "logging.max_file_bytes": setting({
    type: byteSize(64 * KIB, 64 * GIB),
    fallback: 64 * MIB,
    help: "A file of the log that is larger is put aside, and a new one begun.",
  }),
  "logging.max_file_age_hours": setting({
    type: integer({ min: 1, max: 8_760, unit: "hours", metavar: "HOURS" }),
    fallback: 24,
    help: "So is one that is older.",
  }),
  "logging.retention_days": setting({
    type: integer({ min: 1, max: 36_500, unit: "days", metavar: "DAYS" }),
    fallback: 14,
    help: "How long files of the log that were put aside are kept.",
  }),
  "logging.max_files": setting({
    type: integer({ min: 1, max: 10_000, unit: "files" }),
    fallback: 100,
    help: "Most files of the log that are kept besides; the oldest go first.",
  }),
};
