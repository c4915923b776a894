// What the operating system enforces on a query process and tells of it: how much memory it may map, how much it holds, and that it dies with the server
// even while a query keeps it busy. Linux only; elsewhere the deadline alone bounds a query.
import { dlopen, FFIType } from "bun:ffi";
import { readFileSync } from "node:fs";

const RLIMIT_AS = 9;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const PAGE_BYTES = 4096;

/**
 * Limits address space to what is mapped now plus `bytes`: what grows too fast for anybody to watch fails its allocation. The runtime has reserved more than
 * it uses by now (about 1 GiB for its allocator), so `residentBytes` is the measure of what a query really took.
 */
export function limitMemory(bytes: number): void {
  if (process.platform !== "linux") return;
  const [mappedPages = "0"] = readFileSync("/proc/self/statm", "utf8").split(" ");
  const limit = BigInt(Number(mappedPages) * PAGE_BYTES + bytes);
  const libc = dlopen("libc.so.6", {
    setrlimit: { args: [FFIType.i32, FFIType.ptr], returns: FFIType.i32 },
  });
  const failed = libc.symbols.setrlimit(RLIMIT_AS, new BigUint64Array([limit, limit])) !== 0;
  libc.close();
  if (failed) throw new Error(`setrlimit(RLIMIT_AS, ${limit}) failed`);
}

/** The kernel kills this process when its parent ends, however it ends. */
export function dieWithParent(parentPid: number): void {
  if (process.platform !== "linux") return;
  const libc = dlopen("libc.so.6", {
    prctl: { args: [FFIType.i32, FFIType.u64, FFIType.u64, FFIType.u64, FFIType.u64], returns: FFIType.i32 },
  });
  libc.symbols.prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  libc.close();
  // The parent may have ended before the call.
  if (process.ppid !== parentPid) process.exit(0);
}

/** Memory of its own that a process holds; undefined when it has ended or the system does not say. */
export function residentBytes(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  try {
    const [, resident = "0", shared = "0"] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
    return (Number(resident) - Number(shared)) * PAGE_BYTES;
  } catch {
    // The process ended; its exit is reported by whoever started it.
    return undefined;
  }
}
