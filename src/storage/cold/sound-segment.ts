// A segment file as bytes, for who copies it and does not decode it: damage is found where it is, and not copied with a checksum that vouches for it.
import { type AsyncBuffer, parquetMetadataAsync } from "hyparquet";
import type { ObjectReader } from "../objects/object-store.ts";
import { checked, damaged, readChecksums } from "./block-checksums.ts";
import { fileBuffer, withEnd } from "./segment-footer.ts";
import { parseSegmentMetadata } from "./segment-metadata.ts";

/** Gives out no byte that is not what was written. Of a file from before there were checksums any that are there. */
export async function soundSegment(reader: ObjectReader): Promise<AsyncBuffer> {
  const file = fileBuffer(reader);
  const end = await withEnd(file);
  const checksums = await readChecksums(end);
  if (checksums === undefined) {
    const { key_value_metadata: pairs } = await parquetMetadataAsync(end, { geoparquet: false });
    if (parseSegmentMetadata(pairs ?? []).hasChecksums) throw damaged("its end");
  }
  return checked(file, checksums);
}
