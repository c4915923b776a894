// The bytes of an object as a stream, read as fast as they are taken. Whoever stops taking cancels it, which closes the object.
import type { ObjectReader } from "./object-store.ts";

const PIECE_BYTES = 256 * 1024;

export interface ByteRange {
  readonly start: number;
  /** The first byte that is not wanted. */
  readonly end: number;
}

/** Of an open object, which belongs to the stream from then on. */
export function objectStream(
  reader: ObjectReader,
  { start, end }: ByteRange = { start: 0, end: reader.sizeBytes },
): ReadableStream<Uint8Array> {
  let at = start;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const next = Math.min(end, at + PIECE_BYTES);
        if (next > at) controller.enqueue(new Uint8Array(await reader.read(at, next)));
        at = next;
        if (at < end) return;
        reader.close();
        controller.close();
      } catch (error) {
        reader.close();
        controller.error(error);
      }
    },
    cancel: () => reader.close(),
  });
}
