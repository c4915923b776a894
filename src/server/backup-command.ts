// `kalamdb backup` and `kalamdb restore`: for a data folder no server runs on. A running server is backed up with BACKUP DATABASE.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { systemClock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { backupFolder } from "../storage/backup/backup-folder.ts";
import { makeBackup } from "../storage/backup/make-backup.ts";
import { restoreBackup, verifyBackup } from "../storage/backup/restore-backup.ts";
import { dataFilePath } from "../storage/hot/connection.ts";
import { lockFolder } from "../storage/hot/folder-lock.ts";

export const BACKUP_USAGE = `kalamdb backup --to FOLDER [--data-dir DIR]
kalamdb restore --from FOLDER --data-dir DIR
kalamdb restore --from FOLDER --verify

  --data-dir  Data folder. The one backed up, "./data" unless given; the one restored into is empty or not there yet.
  --to        Folder of the backup, empty or not there yet.
  --from      Folder of a backup.
  --verify    Read every file and compare its checksum, restore nothing.

On a running server: BACKUP DATABASE TO 'folder'.`;

type Write = (text: string) => void;

export async function backupCommand(argv: readonly string[], write: Write): Promise<void> {
  const options = parse(argv, ["to", "data-dir"]);
  if (options === undefined) return write(`${BACKUP_USAGE}\n`);
  const dataDir = resolve(options["data-dir"] ?? "./data");
  const target = backupFolder(dataDir, resolve(required(options, "to")));
  const databasePath = dataFilePath(dataDir);
  if (!(await Bun.file(databasePath).exists())) throw new DbError("INVALID_CONFIG", `${dataDir} is not a data folder`);
  const lock = lockFolder(dataDir);
  try {
    const nowMs = systemClock.nowMs();
    const made = await makeBackup({ owner: "backup", dataDir, databasePath, target, nowMs }, progressOf(write));
    write(`\rBacked up ${dataDir} to ${target}: ${made.files} files, ${made.bytes} bytes, position ${made.position}\n`);
  } finally {
    lock.release();
  }
}

export async function restoreCommand(argv: readonly string[], write: Write): Promise<void> {
  const options = parse(argv, ["from", "data-dir", "verify"]);
  if (options === undefined) return write(`${BACKUP_USAGE}\n`);
  const from = resolve(required(options, "from"));
  if (options["verify"] !== undefined) {
    const { files, position } = await verifyBackup(from, progressOf(write));
    return write(`\r${from} is complete: ${files.length} files, position ${position}\n`);
  }
  const dataDir = resolve(required(options, "data-dir"));
  const { manifest } = await restoreBackup({ from, dataDir, nowMs: systemClock.nowMs() }, progressOf(write));
  write(`\rRestored ${from} into ${dataDir}: ${manifest.files.length} files, position ${manifest.position}\n`);
  write(`Start it with: kalamdb serve --data-dir ${dataDir}\n`);
}

function progressOf(write: Write): (done: number, total: number) => void {
  let shown = -1;
  return (done, total) => {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    if (percent === shown) return;
    shown = percent;
    write(`\r${percent} %`);
  };
}

type Options = Readonly<Record<string, string | undefined>>;

/** Undefined: help is wanted. */
function parse(argv: readonly string[], known: readonly string[]): Options | undefined {
  const flags = known.map((name) => [name, { type: name === "verify" ? "boolean" : "string" } as const] as const);
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { help: { type: "boolean", short: "h" }, ...Object.fromEntries(flags) },
    });
    if (values.help === true) return undefined;
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, String(value)]));
  } catch (cause) {
    throw new DbError("INVALID_CONFIG", cause instanceof Error ? cause.message : "bad arguments", {
      cause,
      hint: BACKUP_USAGE,
    });
  }
}

function required(options: Options, name: string): string {
  const value = options[name];
  if (value !== undefined && value !== "") return value;
  throw new DbError("INVALID_CONFIG", `--${name} is missing`, { hint: BACKUP_USAGE });
}
