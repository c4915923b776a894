// How many columns text takes in a terminal: East Asian width, emoji, combining marks. Escape sequences are none of ours to measure: text comes here safe.

const TAB_STOP = 8;

export function textWidth(text: string): number {
  return Bun.stringWidth(text, { countAnsiEscapeCodes: false });
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - textWidth(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - textWidth(text))) + text;
}

/** Tabs become the spaces that a terminal would show, so that what follows can be aligned. */
export function expandTabs(line: string): string {
  if (!line.includes("\t")) return line;
  let shown = "";
  for (const part of line.split(/(\t)/)) {
    shown += part === "\t" ? " ".repeat(TAB_STOP - (textWidth(shown) % TAB_STOP)) : part;
  }
  return shown;
}

const GRAPHEMES = new Intl.Segmenter("en", { granularity: "grapheme" });

/** What a person takes for one character, each. */
export function graphemes(text: string): readonly string[] {
  return Array.from(GRAPHEMES.segment(text), ({ segment }) => segment);
}

/** At most `width` columns of it; what is cut ends in `…`. */
export function cutToWidth(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (const grapheme of graphemes(text)) {
    const next = used + textWidth(grapheme);
    if (next > width - 1) break;
    cut += grapheme;
    used = next;
  }
  return `${cut}…`;
}
