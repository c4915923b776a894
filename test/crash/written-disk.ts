// What a power loss may leave of a folder: a model of a disk, fed with the system calls of a traced process. A file is what was synced of it and what was written since; a folder
// likewise, by its entries. Of what was not synced anything may be there: nothing, all of it, or any of its blocks (of a file) and the first so many changes (of a folder).
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { TracedCall } from "./traced-calls.ts";

const BLOCK_BYTES = 4_096;

type Change =
  | { readonly kind: "write"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "truncate"; readonly sizeBytes: number };

interface DiskFile {
  readonly kind: "file";
  synced: Buffer;
  /** Later than that, oldest first. */
  pending: { readonly order: number; readonly change: Change }[];
  sizeBytes: number;
}

interface Folder {
  readonly kind: "folder";
  synced: Map<string, DiskFile | Folder>;
  now: Map<string, DiskFile | Folder>;
  pending: { readonly order: number; readonly apply: (entries: Map<string, DiskFile | Folder>) => void }[];
}

/** Which of the unsynced changes of one file or folder stay: those for which it says so, asked in their order. */
export type Survival = { readonly block: () => boolean; readonly entries: (pending: number) => number };

export const NOTHING: Survival = { block: () => false, entries: () => 0 };
export const EVERYTHING: Survival = { block: () => true, entries: (pending) => pending };

export function anything(random: () => number): Survival {
  return { block: () => random() < 0.5, entries: (pending) => Math.floor(random() * (pending + 1)) };
}

function changed(bytes: Buffer, change: Change): Buffer {
  if (change.kind === "truncate") {
    const cut = Buffer.alloc(change.sizeBytes);
    bytes.copy(cut, 0, 0, Math.min(bytes.length, change.sizeBytes));
    return cut;
  }
  const end = change.at + change.bytes.length;
  const grown = end <= bytes.length ? bytes : Buffer.concat([bytes, Buffer.alloc(end - bytes.length)]);
  grown.set(change.bytes, change.at);
  return grown;
}

function emptyFolder(): Folder {
  return { kind: "folder", synced: new Map(), now: new Map(), pending: [] };
}

export class WrittenDisk {
  readonly #root: string;
  readonly #top: Folder = emptyFolder();
  #order = 0;

  /** Paths outside of `root` are none of its. The folder itself is there from the start. */
  constructor(root: string) {
    this.#root = root;
  }

  /** To be noted when a sync begins: it covers what was written before that. */
  get order(): number {
    return this.#order;
  }

  apply(call: TracedCall, syncedFrom: number): void {
    this.#order += 1;
    switch (call.kind) {
      case "open":
        return this.#open(call.path, call.truncates);
      case "write":
        return this.#write(call.path, call.at, call.bytes);
      case "truncate":
        return this.#change(call.path, { kind: "truncate", sizeBytes: call.sizeBytes });
      case "sync":
        return this.#sync(call.path, syncedFrom);
      case "folder":
        return this.#link(call.path, emptyFolder());
      case "remove":
        return this.#alter(dirname(call.path), (entries) => void entries.delete(basename(call.path)));
      case "rename": {
        const node = this.#node(call.path);
        if (node === undefined) return;
        const [from, to] = [basename(call.path), basename(call.to)];
        return this.#alter(dirname(call.path), (entries) => {
          entries.delete(from);
          entries.set(to, node);
        });
      }
    }
  }

  /** Makes the folder as it may be found when power comes back. */
  restore(target: string, survival: Survival): void {
    this.#restoreFolder(this.#top, target, survival);
  }

  #restoreFolder(folder: Folder, target: string, survival: Survival): void {
    mkdirSync(target, { recursive: true });
    const entries = new Map(folder.synced);
    for (const { apply } of folder.pending.slice(0, survival.entries(folder.pending.length))) apply(entries);
    for (const [name, node] of entries) {
      if (node.kind === "folder") this.#restoreFolder(node, join(target, name), survival);
      // Made anew at each open, and not written through calls.
      else if (!name.endsWith("-shm")) writeFileSync(join(target, name), contentOf(node, survival));
    }
  }

  #node(path: string): DiskFile | Folder | undefined {
    if (path !== this.#root && !path.startsWith(`${this.#root}/`)) return undefined;
    let node: DiskFile | Folder | undefined = this.#top;
    for (const name of path.slice(this.#root.length).split("/").filter(Boolean)) {
      node = node?.kind === "folder" ? node.now.get(name) : undefined;
    }
    return node;
  }

  #open(path: string, truncates: boolean): void {
    const file = this.#node(path);
    if (file === undefined) this.#link(path, { kind: "file", synced: Buffer.alloc(0), pending: [], sizeBytes: 0 });
    else if (truncates) this.#change(path, { kind: "truncate", sizeBytes: 0 });
  }

  #link(path: string, node: DiskFile | Folder): void {
    this.#alter(dirname(path), (entries) => void entries.set(basename(path), node));
  }

  #alter(path: string, apply: (entries: Map<string, DiskFile | Folder>) => void): void {
    const folder = this.#node(path);
    if (folder?.kind !== "folder") return;
    apply(folder.now);
    folder.pending.push({ order: this.#order, apply });
  }

  /** Without a place: behind what is there. */
  #write(path: string, at: number | undefined, bytes: Uint8Array): void {
    const file = this.#node(path);
    if (file?.kind === "file") this.#change(path, { kind: "write", at: at ?? file.sizeBytes, bytes });
  }

  #change(path: string, change: Change): void {
    const file = this.#node(path);
    if (file?.kind !== "file") return;
    file.sizeBytes =
      change.kind === "truncate" ? change.sizeBytes : Math.max(file.sizeBytes, change.at + change.bytes.length);
    file.pending.push({ order: this.#order, change });
  }

  #sync(path: string, from: number): void {
    const node = this.#node(path);
    if (node === undefined) return;
    if (node.kind === "folder") {
      for (const { order, apply } of node.pending) if (order <= from) apply(node.synced);
      node.pending = node.pending.filter(({ order }) => order > from);
      return;
    }
    for (const { order, change } of node.pending) if (order <= from) node.synced = changed(node.synced, change);
    node.pending = node.pending.filter(({ order }) => order > from);
  }
}

function contentOf(file: DiskFile, survival: Survival): Buffer {
  let bytes: Buffer = Buffer.from(file.synced);
  for (const { change } of file.pending) {
    if (change.kind === "truncate") {
      if (survival.block()) bytes = changed(bytes, change);
      continue;
    }
    for (let start = 0; start < change.bytes.length; ) {
      const end = Math.min(change.bytes.length, start + BLOCK_BYTES - ((change.at + start) % BLOCK_BYTES));
      const block: Change = { kind: "write", at: change.at + start, bytes: change.bytes.subarray(start, end) };
      if (survival.block()) bytes = changed(bytes, block);
      start = end;
    }
  }
  return bytes;
}
