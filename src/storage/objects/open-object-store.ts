import { openFilesystemStore } from "./filesystem-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { openS3Store } from "./s3-store.ts";
import type { StorageLocation } from "./storage-location.ts";

export function openObjectStore(location: StorageLocation): ObjectStore {
  return location.kind === "s3" ? openS3Store(location) : openFilesystemStore(location.folder);
}
