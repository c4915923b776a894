// Who listens on a port, for the message that says it is taken. Linux tells through /proc; elsewhere (or without permission) the answer is undefined.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTEN = "0A";
const TCP_TABLES = ["/proc/net/tcp", "/proc/net/tcp6"];

/** "name (pid 123)" of a process that listens on the port. */
export function portHolder(port: number): string | undefined {
  const inodes = listeningInodes(port);
  if (inodes.size === 0) return undefined;
  for (const pid of entries("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const holds = entries(`/proc/${pid}/fd`).some((fd) => inodes.has(socketInode(`/proc/${pid}/fd/${fd}`)));
    if (holds) return `${text(`/proc/${pid}/comm`).trim()} (pid ${pid})`;
  }
  return undefined;
}

function listeningInodes(port: number): Set<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const rows = TCP_TABLES.flatMap((table) => text(table).split("\n").slice(1));
  const columns = rows.map((row) => row.trim().split(/\s+/));
  return new Set(columns.filter((row) => row[1]?.endsWith(suffix) && row[3] === LISTEN).map((row) => row[9] ?? ""));
}

function socketInode(link: string): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(link))?.[1] ?? "none";
  } catch {
    // The process ended or is not ours: it holds nothing we can name.
    return "none";
  }
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // No such system or no permission: nothing to list.
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Same as above: the file system does not tell.
    return "";
  }
}
