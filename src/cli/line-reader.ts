// The prompt: reads one text from the keyboard, drawing it as it is typed. The editor decides what a key does; here it is drawn, completed and handed over.
import type { Completion } from "./completion.ts";
import { commonPrefix } from "./completion.ts";
import {
  type Editor,
  type EditorAsk,
  type EditorContext,
  editorStep,
  newEditor,
  replaceBefore,
} from "./line-editor.ts";
import { safeText } from "./safe-text.ts";
import { type Layout, layoutOf } from "./screen-layout.ts";
import type { Key, Terminal } from "./terminal.ts";
import { padEnd, textWidth } from "./text-width.ts";

export type LineResult =
  | { readonly kind: "text"; readonly text: string }
  /** Ctrl-C: what was typed is given up. */
  | { readonly kind: "interrupt" }
  /** Ctrl-D on an empty line. */
  | { readonly kind: "end" };

export interface Prompts {
  readonly first: string;
  readonly further: string;
  /** By what the text leaves open. */
  readonly last: (text: string) => string;
}

export interface LineReaderOptions {
  readonly terminal: Terminal;
  readonly context: () => EditorContext;
  readonly complete: (text: string, cursor: number) => Promise<Completion>;
}

const PASTE_MARKS_ON = "\u001b[?2004h";
const PASTE_MARKS_OFF = "\u001b[?2004l";
const CLEAR_SCREEN = "\u001b[H\u001b[2J";
const CLEAR_BELOW = "\u001b[J";
/** A pasted script without paste marks is typed ahead; of a longer one the end is dropped, as terminals themselves do. */
const MAX_AHEAD = 100_000;
const BELL = "\u0007";

export class LineReader {
  readonly #options: LineReaderOptions;
  /** What was typed behind the end of the last text: it begins the next. */
  #ahead: readonly Key[] = [];

  constructor(options: LineReaderOptions) {
    this.#options = options;
  }

  async read(prompts: Prompts, initial = ""): Promise<LineResult> {
    const { terminal } = this.#options;
    const line = new Line(this.#options, { prompts, initial });
    using _keys = terminal.readKeys((key) => line.onKey(key));
    using _resize = terminal.onResize(() => line.draw());
    await terminal.write(PASTE_MARKS_ON);
    line.draw();
    for (const key of this.#ahead) line.onKey(key);
    const result = await line.result;
    this.#ahead = line.ahead;
    await terminal.write(`${PASTE_MARKS_OFF}\r\n`);
    return result;
  }
}

/** One text in the making. */
class Line {
  readonly #options: LineReaderOptions;
  readonly #prompts: Prompts;
  readonly #done = Promise.withResolvers<LineResult>();
  #editor: Editor;
  /** Where the cursor was left, in rows from the first that was drawn. */
  #drawnRow = 0;
  #isDrawing = false;
  #isDone = false;
  /** Keys that came while the server was asked for names. */
  #waiting: Key[] | undefined;
  readonly #ahead: Key[] = [];
  /** Tab twice in a row lists what there is. */
  #wasTab = false;

  constructor(
    options: LineReaderOptions,
    { prompts, initial }: { readonly prompts: Prompts; readonly initial: string },
  ) {
    this.#options = options;
    this.#prompts = prompts;
    this.#editor = newEditor(initial);
  }

  /** Keys that came behind the one that ended the text. */
  get ahead(): readonly Key[] {
    return this.#ahead;
  }

  get result(): Promise<LineResult> {
    return this.#done.promise;
  }

  onKey(key: Key): void {
    if (this.#isDone) {
      if (this.#ahead.length < MAX_AHEAD) this.#ahead.push(key);
      return;
    }
    if (this.#waiting !== undefined) {
      this.#waiting.push(key);
      return;
    }
    const isTab = key.name === "tab" && !this.#editor.isPasting;
    const { next, ask } = editorStep(this.#editor, key, this.#options.context());
    this.#editor = next;
    this.#do(ask);
    this.#wasTab = isTab;
    this.draw();
  }

  /** A terminal that is gone ends the line. */
  #emit(text: string): void {
    this.#options.terminal.write(text).catch((error: unknown) => this.#done.reject(error));
  }

  #do(ask: EditorAsk): void {
    switch (ask) {
      case "nothing":
        return;
      case "bell":
        this.#emit(BELL);
        return;
      case "clearScreen":
        this.#emit(CLEAR_SCREEN);
        this.#drawnRow = 0;
        return;
      case "complete":
        void this.#complete(this.#wasTab);
        return;
      case "submit":
        this.#finish({ kind: "text", text: this.#editor.text });
        return;
      case "interrupt":
        this.#finish({ kind: "interrupt" });
        return;
      case "end":
        this.#finish({ kind: "end" });
        return;
      default:
        ask satisfies never;
    }
  }

  /** The cursor goes behind the last row, so that what follows stands below. */
  #finish(result: LineResult): void {
    this.#editor = { ...this.#editor, cursor: this.#editor.text.length, search: undefined };
    this.#isDone = true;
    void this.#options.terminal.write(this.#frame()).then(
      () => this.#done.resolve(result),
      (error: unknown) => this.#done.reject(error),
    );
  }

  /** Once for all keys of a turn: a pasted text is drawn when it is there. */
  draw(): void {
    if (this.#isDrawing || this.#isDone) return;
    this.#isDrawing = true;
    setImmediate(() => {
      this.#isDrawing = false;
      if (this.#isDone || this.#editor.isPasting) return;
      this.#emit(this.#frame());
    });
  }

  #frame(): string {
    const layout = this.#layout();
    const top = this.#drawnRow > 0 ? `\u001b[${this.#drawnRow}A` : "";
    const below = layout.rows.length - 1 - layout.cursorRow;
    const back = below > 0 ? `\u001b[${below}A` : "";
    const right = layout.cursorColumn > 0 ? `\u001b[${layout.cursorColumn}C` : "";
    this.#drawnRow = layout.cursorRow;
    return `\r${top}${CLEAR_BELOW}${layout.rows.join("\r\n")}${back}\r${right}`;
  }

  #layout(): Layout {
    const { text, cursor, search } = this.#editor;
    const { columns, rows } = this.#options.terminal;
    const { first, further, last } = this.#prompts;
    const prompt = search === undefined ? first : `(search ${JSON.stringify(safeText(search.query))}) `;
    return layoutOf({
      prompt,
      continuation: further,
      lastContinuation: last(text),
      text,
      cursor,
      columns,
      maxRows: Math.max(1, rows - 1),
    });
  }

  /** Keys that come meanwhile wait: they were typed behind what is completed. */
  async #complete(lists: boolean): Promise<void> {
    this.#waiting = [];
    const { text, cursor } = this.#editor;
    // A completion that fails completes nothing.
    const completion = await this.#options.complete(text, cursor).catch(() => ({ from: cursor, candidates: [] }));
    this.#apply(completion, lists);
    const keys = this.#waiting;
    this.#waiting = undefined;
    for (const key of keys) this.onKey(key);
    this.draw();
  }

  #apply({ from, candidates }: Completion, lists: boolean): void {
    const word = this.#editor.text.slice(from, this.#editor.cursor);
    const [only] = candidates;
    if (only === undefined) {
      this.#do("bell");
      return;
    }
    const common = candidates.length === 1 ? only : commonPrefix(candidates);
    if (candidates.length === 1 || common.length > word.length) {
      const ending = candidates.length === 1 && !common.endsWith(".") ? " " : "";
      this.#editor = replaceBefore(this.#editor, { from, text: common + ending });
    } else if (lists) this.#list(candidates);
    else this.#do("bell");
  }

  #list(candidates: readonly string[]): void {
    const { columns, rows } = this.#options.terminal;
    const lines = inColumns(candidates.map(safeText), { columns, maxRows: Math.max(1, rows - 3) });
    this.#emit(`\r\n${CLEAR_BELOW}${lines.join("\r\n")}\r\n`);
    this.#drawnRow = 0;
  }
}

/** As `ls` has it: down, then to the right. */
export function inColumns(
  words: readonly string[],
  { columns, maxRows }: { readonly columns: number; readonly maxRows: number },
): readonly string[] {
  const width = Math.min(columns, words.reduce((most, word) => Math.max(most, textWidth(word)), 0) + 2);
  const perRow = Math.max(1, Math.floor(columns / width));
  const height = Math.ceil(words.length / perRow);
  const rows = Array.from({ length: Math.min(height, maxRows) }, (_unused, row) =>
    Array.from({ length: perRow }, (_none, column) => padEnd(words[column * height + row] ?? "", width))
      .join("")
      .trimEnd(),
  );
  return height > maxRows ? [...rows, `… ${words.length} in all`] : rows;
}
