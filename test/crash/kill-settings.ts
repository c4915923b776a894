import type { SettingValues } from "../../src/config/settings.ts";
import { ROOT_PASSWORD } from "../support/test-server.ts";

/** Files are small and nothing is kept longer than it must be, so that a few rows come to every step. */
export function crashSettings(folder: string, port: number): Partial<SettingValues> {
  return {
    "server.port": port,
    "storage.data_path": folder,
    "auth.root_password": ROOT_PASSWORD,
    "compaction.enabled": false,
    "compaction.target_rows": 1_000,
    "retention.default_deleted_retention_hours": 0,
    "flush.segment_rows": 1_000,
  };
}
