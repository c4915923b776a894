// Where the typed text stands on the screen: rows of the terminal's width, and the cursor among them. Pure.
import { safeText } from "./safe-text.ts";
import { graphemes, textWidth } from "./text-width.ts";

export interface LayoutInput {
  /** Before the first line, and before each further one. */
  readonly prompt: string;
  readonly continuation: string;
  /** Before the last line, when there are several: it says what is open. */
  readonly lastContinuation: string;
  readonly text: string;
  readonly cursor: number;
  readonly columns: number;
  /** Of the terminal: of more the part around the cursor is shown. */
  readonly maxRows: number;
}

export interface Layout {
  readonly rows: readonly string[];
  readonly cursorRow: number;
  readonly cursorColumn: number;
}

const TAB = "    ";
const PLAIN = /^[\x20-\x7e]*$/;

export function layoutOf(input: LayoutInput): Layout {
  const { text, cursor, columns, maxRows } = input;
  const rows: string[] = [];
  let place = { row: 0, column: 0 };
  let offset = 0;
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    const wrapper = new Wrapper(columns);
    wrapper.add(promptOf(input, index, lines.length));
    for (const { shown, length } of shownParts(line)) {
      if (offset === cursor) place = { row: rows.length + wrapper.row, column: wrapper.column };
      wrapper.add(shown);
      offset += length;
    }
    if (offset === cursor) place = { row: rows.length + wrapper.row, column: wrapper.column };
    offset += 1;
    rows.push(...wrapper.rows);
  }
  // Behind a full row the cursor stands at the start of the next.
  if (place.column >= columns) place = { row: place.row + 1, column: 0 };
  if (place.row === rows.length) rows.push("");
  const first = Math.max(0, Math.min(place.row - maxRows + 1, rows.length - maxRows));
  return { rows: rows.slice(first, first + maxRows), cursorRow: place.row - first, cursorColumn: place.column };
}

function promptOf({ prompt, continuation, lastContinuation }: LayoutInput, index: number, count: number): string {
  if (index === 0) return prompt;
  return index === count - 1 ? lastContinuation : continuation;
}

interface ShownPart {
  readonly shown: string;
  /** Of the text it stands for. */
  readonly length: number;
}

function* shownParts(line: string): Generator<ShownPart> {
  const characters = PLAIN.test(line) ? line : graphemes(line);
  for (const character of characters) {
    const shown = character === "\t" ? TAB : safeText(character);
    yield { shown, length: character.length };
  }
}

/** Fills rows; a wide character that does not fit goes to the next row. */
class Wrapper {
  readonly rows: string[] = [""];
  column = 0;
  readonly #columns: number;

  constructor(columns: number) {
    this.#columns = columns;
  }

  get row(): number {
    return this.rows.length - 1;
  }

  add(text: string): void {
    for (const character of text.length === 1 ? text : graphemes(text)) {
      const width = textWidth(character);
      if (this.column + width > this.#columns) {
        this.rows.push("");
        this.column = 0;
      }
      this.rows[this.rows.length - 1] += character;
      this.column += width;
    }
  }
}
