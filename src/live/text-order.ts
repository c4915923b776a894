// Texts as keys that JavaScript orders as SQL orders the texts: by code point. JavaScript compares UTF-16 units, and puts those of characters above U+FFFF below U+E000.

const REORDERED = /[\ud800-\uffff]/;
const UNITS = /[\ud800-\uffff]/g;
const SURROGATES_END = 0xdfff;
const SURROGATE_COUNT = 0x800;
const AFTER_SURROGATES = 0x2000;
const MAX_UNIT = 0xffff;

export function textOrderKey(text: string): string {
  if (!REORDERED.test(text)) return text;
  return text.replace(UNITS, (unit) => {
    const code = unit.charCodeAt(0);
    return String.fromCharCode(code <= SURROGATES_END ? code + AFTER_SURROGATES : code - SURROGATE_COUNT);
  });
}

/** The first key after all that begin with this one; undefined: there is none. */
export function afterPrefix(key: string): string | undefined {
  for (let end = key.length; end > 0; end--) {
    const last = key.charCodeAt(end - 1);
    if (last < MAX_UNIT) return key.slice(0, end - 1) + String.fromCharCode(last + 1);
  }
  return undefined;
}
