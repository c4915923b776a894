import { sep } from "node:path";

const SYSTEM_FOLDERS = [
  "/bin",
  "/boot",
  "/dev",
  "/etc",
  "/lib",
  "/lib32",
  "/lib64",
  "/proc",
  "/run",
  "/sbin",
  "/sys",
  "/usr",
];

/** Whether a path, with its links resolved, is the root or lies in a folder that is the operating system's own: nothing is written there because somebody names it. */
export function isSystemFolder(real: string): boolean {
  return real === sep || SYSTEM_FOLDERS.some((folder) => real === folder || real.startsWith(folder + sep));
}
