// Text measured and cut by code point, as PostgreSQL counts characters; JavaScript counts UTF-16 units.

const SURROGATE = /[\ud800-\udfff]/;

export function codePointLength(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    // One of a pair is enough to count.
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) length -= 1;
  }
  return length;
}

/** Characters [start, end), clamped to the text. */
export function codePointSlice(text: string, start: number, end: number): string {
  const from = Math.max(0, start);
  if (end <= from) return "";
  if (!SURROGATE.test(text)) return text.slice(from, end);
  return characters(text).slice(from, end).join("");
}

/** Byte order of UTF-8, which is code point order: SQLite's BINARY and PostgreSQL's "C" collation. UTF-16 units order differently above U+FFFF. */
export function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const [left, right] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (left === right) continue;
    const [leftPair, rightPair] = [(left & 0xf800) === 0xd800, (right & 0xf800) === 0xd800];
    if (leftPair !== rightPair) return leftPair ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

/** The characters of a text, one code point each: PostgreSQL does not know grapheme clusters either. */
export function characters(text: string): string[] {
  return Array.from(text);
}
