// `kalamdb backup` and `kalamdb restore`: for a data folder no server runs on. A running server is backed up with BACKUP DATABASE. Secrets come from where the server
// has them: server.toml, the environment, the data folder.
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { loadOrCreateSecrets } from "../auth/secrets.ts";
import { systemClock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";
import { silentLog } from "../base/log.ts";
import { readTextIfThere } from "../base/read-text-if-there.ts";
import type { Config } from "../config/config.ts";
import { type ConfigSources, loadConfig } from "../config/load-config.ts";
import { backupFolder } from "../storage/backup/backup-folder.ts";
import { makeBackup } from "../storage/backup/make-backup.ts";
import { type BackupSource, folderSource, restoreBackup, verifyBackup } from "../storage/backup/restore-backup.ts";
import { storedLocations } from "../storage/backup/stored-locations.ts";
import { dataFilePath } from "../storage/hot/connection.ts";
import { lockFolder } from "../storage/hot/folder-lock.ts";
import { openS3Store } from "../storage/objects/s3-store.ts";
import { deriveSealingKey } from "../storage/objects/sealed-credentials.ts";
import { type StorageAccess, splitS3Base } from "../storage/objects/storage-access.ts";
import { storageAccess } from "./storages.ts";

export const BACKUP_USAGE = `kalamdb backup --to FOLDER [--data-dir DIR]
kalamdb restore --from FOLDER --data-dir DIR
kalamdb restore --from FOLDER --verify
kalamdb restore --from s3://BUCKET/PREFIX/_kalamdb_backups/NAME [--endpoint URL] [--region REGION] …

  --data-dir  Data folder. The one backed up, "./data" unless given; the one restored into is empty or not there yet.
  --to        Folder of the backup, empty or not there yet.
  --from      Folder of a backup, or its place in S3; keys are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment.
  --endpoint  Of a service that speaks S3; Amazon's when left out.
  --verify    Read every file and compare its checksum, restore nothing.

On a running server: BACKUP DATABASE TO 'folder'.`;

type Write = (text: string) => void;

export interface CommandInput {
  readonly argv: readonly string[];
  readonly write: Write;
  readonly env: ConfigSources["env"];
}

export async function backupCommand({ argv, write, env }: CommandInput): Promise<void> {
  const options = parse(argv, ["to", "data-dir"]);
  if (options === undefined) return write(`${BACKUP_USAGE}\n`);
  const dataDir = resolve(options["data-dir"] ?? "./data");
  const target = backupFolder(dataDir, resolve(required(options, "to")));
  const databasePath = dataFilePath(dataDir);
  if (!(await Bun.file(databasePath).exists())) throw new DbError("INVALID_CONFIG", `${dataDir} is not a data folder`);
  const lock = lockFolder(dataDir);
  try {
    const nowMs = systemClock.nowMs();
    const storages = await storedLocations(databasePath, await accessOf(dataDir, env));
    const request = { owner: "backup", dataDir, databasePath, target, storages, nowMs };
    const made = await makeBackup(request, progressOf(write));
    write(`\rBacked up ${dataDir} to ${target}: ${made.files} files, ${made.bytes} bytes, position ${made.position}\n`);
  } finally {
    lock.release();
  }
}

export async function restoreCommand({ argv, write, env }: CommandInput): Promise<void> {
  const options = parse(argv, ["from", "data-dir", "verify", "endpoint", "region"]);
  if (options === undefined) return write(`${BACKUP_USAGE}\n`);
  const from = sourceOf(options, env);
  if (options["verify"] !== undefined) {
    const { files, position } = await verifyBackup(from, progressOf(write));
    return write(`\r${from.name} is complete: ${files.length} files, position ${position}\n`);
  }
  const dataDir = resolve(required(options, "data-dir"));
  const { manifest } = await restoreBackup({ from, dataDir, nowMs: systemClock.nowMs() }, progressOf(write));
  write(`\rRestored ${from.name} into ${dataDir}: ${manifest.files.length} files, position ${manifest.position}\n`);
  write(`Start it with: kalamdb serve --data-dir ${dataDir}\n`);
}

function sourceOf(options: Options, env: CommandInput["env"]): BackupSource {
  const from = required(options, "from");
  if (!from.startsWith("s3://")) return folderSource(resolve(from));
  const access = storageAccess({ dataDir: "", sealingKey: new Uint8Array(), config: settingsOf(env, []) });
  const store = openS3Store({
    kind: "s3",
    storageId: from,
    ...splitS3Base(from),
    endpoint: options["endpoint"],
    region: options["region"],
    virtualHostedStyle: false,
    credentials: access.s3Credentials,
    requestTimeoutMs: access.requestTimeoutMs,
    readCacheBytes: 0,
    spoolDir: "",
  });
  return { name: from, store };
}

function settingsOf(env: CommandInput["env"], argv: readonly string[]): Config {
  const loaded = loadConfig({ argv, env, readFile: readTextIfThere });
  if (loaded.kind !== "config") throw new DbError("INTERNAL_ERROR", "the settings were not read");
  return loaded.config;
}

async function accessOf(dataDir: string, env: CommandInput["env"]): Promise<StorageAccess> {
  const config = settingsOf(env, ["--data-dir", dataDir]);
  const { jwtSecret } = loadOrCreateSecrets({ dataDir, config: config.auth, log: silentLog });
  return storageAccess({ dataDir, sealingKey: await deriveSealingKey(jwtSecret), config });
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
