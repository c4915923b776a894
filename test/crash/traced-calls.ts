// The system calls of a process that change files, as strace wrote them down. A call of one thread may end behind those of others.

export type TracedCall =
  | { readonly kind: "open"; readonly path: string; readonly truncates: boolean }
  /** Undefined: where the file ends; nothing but SQLite writes elsewhere. */
  | { readonly kind: "write"; readonly path: string; readonly at: number | undefined; readonly bytes: Buffer }
  | { readonly kind: "truncate"; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: "sync"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "remove"; readonly path: string }
  | { readonly kind: "rename"; readonly path: string; readonly to: string };

export interface TracedStep {
  /** A sync covers only what was there when it began. */
  readonly phase: "began" | "ended";
  readonly thread: string;
  readonly call: TracedCall;
}

const CALLS = [
  ["open,openat,creat", "pwrite64,write,writev,pwritev", "fsync,fdatasync", "rename,renameat,renameat2"],
  ["unlink,unlinkat,rmdir", "ftruncate,truncate", "mkdir,mkdirat"],
].flat();

/** The command that runs another and writes its calls to `trace`. */
export function tracer(trace: string): string[] {
  return [
    "strace",
    "-f",
    "-y",
    "-xx",
    "-s",
    "67108864",
    "-e",
    "signal=none",
    "-e",
    `trace=${CALLS.join(",")}`,
    "-o",
    trace,
  ];
}

export function canTrace(): boolean {
  return Bun.which("strace") !== null && Bun.spawnSync([...tracer("/dev/null"), "true"]).success;
}

function unescaped(hex: string): Buffer {
  return Buffer.from(hex.replaceAll("\\x", ""), "hex");
}

export function* tracedSteps(text: string): Generator<TracedStep> {
  const begun = new Map<string, string>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    const thread = line.slice(0, space);
    const said = line.slice(space).trim();
    if (said.endsWith("<unfinished ...>")) {
      const start = said.slice(0, -"<unfinished ...>".length);
      begun.set(thread, start);
      const call = callOf(`${start}) = 0`);
      if (call?.kind === "sync") yield { phase: "began", thread, call };
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(said);
    const call = callOf(resumed === null ? said : (begun.get(thread) ?? "") + said.slice(resumed[0].length));
    if (call === undefined) continue;
    if (resumed === null) yield { phase: "began", thread, call };
    yield { phase: "ended", thread, call };
  }
}

/** Undefined for calls that failed, and for what changes no file. */
function callOf(text: string): TracedCall | undefined {
  const name = text.slice(0, text.indexOf("("));
  const result = /\) += (-?\d+)/.exec(text.slice(Math.max(0, text.lastIndexOf(") "))))?.[1];
  if (result === undefined || result.startsWith("-")) return undefined;
  const strings = [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map((found) => unescaped(found[1] ?? ""));
  const descriptor = unescaped(/^\w+\(\d+<((?:\\x[0-9a-f]{2})*)>/.exec(text)?.[1] ?? "").toString();
  const [first, second] = strings.map(String);
  const tail = text.slice(text.lastIndexOf('"'));
  switch (name) {
    case "open":
    case "openat":
    case "creat":
      if (!/O_CREAT|^creat/.test(text)) return undefined;
      return { kind: "open", path: first ?? "", truncates: /O_TRUNC|^creat/.test(text) };
    case "pwrite64":
    case "pwritev":
      return {
        kind: "write",
        path: descriptor,
        at: Number(/, (\d+) *\) += /.exec(tail)?.[1]),
        bytes: Buffer.concat(strings),
      };
    case "write":
    case "writev":
      return { kind: "write", path: descriptor, at: undefined, bytes: Buffer.concat(strings) };
    case "fsync":
    case "fdatasync":
      return { kind: "sync", path: descriptor };
    case "ftruncate":
      return { kind: "truncate", path: descriptor, sizeBytes: Number(/, (\d+) *\) += /.exec(text)?.[1]) };
    case "mkdir":
    case "mkdirat":
      return { kind: "folder", path: first ?? "" };
    case "unlink":
    case "unlinkat":
    case "rmdir":
      return { kind: "remove", path: first ?? "" };
    case "rename":
    case "renameat":
    case "renameat2":
      return { kind: "rename", path: first ?? "", to: second ?? "" };
    default:
      throw new Error(`a call that no disk knows: ${name}`);
  }
}
