// How a segment's file is called. Its folder comes from the template of its storage.
import { basename } from "node:path";
import type { Seq } from "../../base/ids.ts";

/** Without a tag: a flush of an earlier version. */
const SEGMENT_FILE = /^segment-\d+(-[0-9a-f]{12}-\d+)?\.parquet$/;

export interface SegmentName {
  readonly maxSeq: Seq;
  /** From `segmentTag`: two attempts to write the same rows have names of their own. */
  readonly tag: string;
  /** Of the files of one merge, from 1. */
  readonly part: number;
}

/** Used once: an upload that was given up may arrive when the file of a later attempt is part of the database, and must not take its place. */
export function segmentTag(): string {
  return crypto.getRandomValues(new Uint8Array(6)).toHex();
}

export function segmentPath(folder: string, { maxSeq, tag, part }: SegmentName): string {
  return `${folder}/segment-${maxSeq}-${tag}-${part}.parquet`;
}

/** True for files this module names; a sweep touches nothing else. */
export function isSegmentFile(path: string): boolean {
  return SEGMENT_FILE.test(basename(path));
}
