// Locations in PostgreSQL's syntax trees count bytes of UTF-8; texts here are indexed by UTF-16 units.

/** UTF-16 offset of a tree's location. */
export type ToUtf16 = (byte: number) => number;

const NON_ASCII = /[\u0080-\uffff]/;

function isAscii(text: string): boolean {
  return !NON_ASCII.test(text);
}

/** For many locations of one text: costs one pass over it. */
export function utf16OffsetsOf(text: string): ToUtf16 {
  if (isAscii(text)) return (byte) => byte;
  const offsets = new Uint32Array(Buffer.byteLength(text) + 1);
  let byte = 0;
  let unit = 0;
  for (const character of text) {
    offsets[byte] = unit;
    byte += Buffer.byteLength(character);
    unit += character.length;
  }
  offsets[byte] = unit;
  return (location) => offsets[location] ?? unit;
}

/** Errors of PostgreSQL's parser count code points instead. */
export function utf16OfCodePoint(text: string, codePoint: number): number {
  if (isAscii(text)) return codePoint;
  let units = 0;
  let seen = 0;
  for (const character of text) {
    if (seen === codePoint) break;
    units += character.length;
    seen++;
  }
  return units;
}
