// Text from outside made harmless to a terminal: a cell, a name or a message must not move the cursor, set the title, reorder what is read or answer for the user.

/**
 * Controls, what reorders text or is invisible (format characters, separators), halves of surrogate pairs. Not among them: the joiners of emoji and of Persian, and Arabic signs
 * that are seen.
 */
const UNSAFE = /(?!\t|\n|\u200c|\u200d|[\u0600-\u0605\u06dd\u070f])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** `\x1B`, `\u202E`: what is there, in letters. */
function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16).toUpperCase();
  if (code <= 0xff) return `\\x${digits.padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`;
}

/** Tabs and newlines stay: whoever lays text out deals with them. */
export function safeText(text: string): string {
  return text.replace(UNSAFE, escaped);
}

/** The same for what must stay on its line. */
export function safeLine(text: string): string {
  return safeText(text).replace(/[\t\n]/g, (character) => (character === "\n" ? "\\n" : "\\t"));
}
