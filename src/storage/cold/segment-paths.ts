// How a segment's file is called. Its folder comes from the template of its storage.
import { basename } from "node:path";
import type { Seq } from "../../base/ids.ts";

const SEGMENT_FILE = /^segment-\d+(-[0-9a-f]{12}-\d+)?\.parquet$/;

/** A scope never flushes the same newest position twice, so the name is new. */
export function segmentPath(folder: string, maxSeq: Seq): string {
  return `${folder}/segment-${maxSeq}.parquet`;
}

/** A merge keeps the newest position of what it replaces, so its files have a name of their own besides: `tag` is 12 hexadecimal digits, used once. */
export function mergedSegmentPath(
  folder: string,
  { maxSeq, tag, part }: { readonly maxSeq: Seq; readonly tag: string; readonly part: number },
): string {
  return `${folder}/segment-${maxSeq}-${tag}-${part}.parquet`;
}

/** True for files this module names; a sweep touches nothing else. */
export function isSegmentFile(path: string): boolean {
  return SEGMENT_FILE.test(basename(path));
}
