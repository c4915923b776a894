// The line that is being typed, as a state machine: keys in, the next state and what is asked of the shell out. Pure: no terminal, no file, no server.
// A statement of several lines is one text; Enter ends it only when it is complete. Keys are those of Emacs, as readline has them.
// Invariants: the cursor is never inside of a character as people see it; no key loses typed text without a way back (undo, yank, history).
import type { Key } from "./terminal.ts";
import { graphemes } from "./text-width.ts";

export interface Editor {
  readonly text: string;
  /** UTF-16 offset. */
  readonly cursor: number;
  /** What was cut last. */
  readonly killed: string;
  readonly undo: readonly Draft[];
  /** Place in the history, from the newest; 0 is what is typed now. */
  readonly back: number;
  /** What is typed now, while an older line is shown. */
  readonly draft: string;
  readonly search: Search | undefined;
  readonly isPasting: boolean;
}

interface Draft {
  readonly text: string;
  readonly cursor: number;
}

export interface Search {
  readonly query: string;
  /** Place of the match, from the newest; undefined: none. */
  readonly back: number | undefined;
  /** Where Ctrl-G goes back to. */
  readonly before: Draft;
}

export interface EditorContext {
  /** Oldest first. */
  readonly history: readonly string[];
  /** Whether Enter ends the text. */
  readonly isComplete: (text: string) => boolean;
}

export type EditorAsk = "nothing" | "submit" | "interrupt" | "end" | "complete" | "clearScreen" | "bell";

export interface EditorStep {
  readonly next: Editor;
  readonly ask: EditorAsk;
}

const MAX_UNDO = 200;
/** Longer than any character as people see it. */
const CHARACTER_WINDOW = 64;

export function newEditor(text = ""): Editor {
  return {
    text,
    cursor: text.length,
    killed: "",
    undo: [],
    back: 0,
    draft: "",
    search: undefined,
    isPasting: false,
  };
}

export function editorStep(editor: Editor, key: Key, context: EditorContext): EditorStep {
  if (editor.isPasting) return stay(paste(editor, key));
  // One step for undo, however long the text is.
  if (key.name === "paste-start") return stay({ ...changed(editor, editor), isPasting: true, search: undefined });
  if (editor.search !== undefined) return searchStep(editor, { key, context, search: editor.search });
  const action = ACTIONS[chordOf(key)];
  if (action !== undefined) return action(editor, context);
  return stay(isTyped(key) ? insert(editor, key.text ?? "") : editor);
}

function stay(next: Editor): EditorStep {
  return { next, ask: "nothing" };
}

/** `C-a`, `M-b`, `up`. */
function chordOf({ ctrl, meta, name, text }: Key): string {
  const key = name ?? text ?? "";
  return `${ctrl ? "C-" : ""}${meta ? "M-" : ""}${key}`;
}

function isTyped({ text, ctrl, meta }: Key): boolean {
  return text !== undefined && !ctrl && !meta && text >= " " && text !== "\u007f";
}

function inserted({ text, cursor }: Draft, more: string): Draft {
  return { text: text.slice(0, cursor) + more + text.slice(cursor), cursor: cursor + more.length };
}

export function insert(editor: Editor, text: string): Editor {
  return changed(editor, inserted(editor, text));
}

function changed(editor: Editor, { text, cursor }: Draft): Editor {
  const undo = [...editor.undo.slice(-MAX_UNDO), { text: editor.text, cursor: editor.cursor }];
  return { ...editor, text, cursor, undo };
}

/** What is pasted is text to its last character: no Tab completes, no Enter ends. */
function paste(editor: Editor, key: Key): Editor {
  if (key.name === "paste-end") return { ...editor, isPasting: false };
  if (key.name === "return" || key.name === "enter") return { ...editor, ...inserted(editor, "\n") };
  if (key.text === undefined || (key.text < " " && key.text !== "\t")) return editor;
  return { ...editor, ...inserted(editor, key.text) };
}

/** Puts a completion in the place of the word before the cursor. */
export function replaceBefore(
  editor: Editor,
  { from, text }: { readonly from: number; readonly text: string },
): Editor {
  return changed(editor, {
    text: editor.text.slice(0, from) + text + editor.text.slice(editor.cursor),
    cursor: from + text.length,
  });
}

function characterBefore({ text, cursor }: Draft): number {
  const part = text.slice(Math.max(0, cursor - CHARACTER_WINDOW), cursor);
  return cursor - (graphemes(part).at(-1)?.length ?? 0);
}

function characterAfter({ text, cursor }: Draft): number {
  return cursor + (graphemes(text.slice(cursor, cursor + CHARACTER_WINDOW))[0]?.length ?? 0);
}

const WORD = /[\p{L}\p{N}_$]/u;

function wordBefore({ text, cursor }: Draft): number {
  let at = cursor;
  while (at > 0 && !WORD.test(text[at - 1] ?? "")) at -= 1;
  while (at > 0 && WORD.test(text[at - 1] ?? "")) at -= 1;
  return at;
}

function wordAfter({ text, cursor }: Draft): number {
  let at = cursor;
  while (at < text.length && !WORD.test(text[at] ?? "")) at += 1;
  while (at < text.length && WORD.test(text[at] ?? "")) at += 1;
  return at;
}

/** As Ctrl-W has it in shells: to the white space before. */
function spaceBefore({ text, cursor }: Draft): number {
  const before = text.slice(0, cursor).trimEnd();
  return Math.max(before.lastIndexOf(" "), before.lastIndexOf("\n"), before.lastIndexOf("\t")) + 1;
}

function lineStart({ text, cursor }: Draft): number {
  return text.lastIndexOf("\n", cursor - 1) + 1;
}

function lineEnd({ text, cursor }: Draft): number {
  const end = text.indexOf("\n", cursor);
  return end === -1 ? text.length : end;
}

type Target = (draft: Draft) => number;
type Action = (editor: Editor, context: EditorContext) => EditorStep;

const moveTo =
  (target: Target): Action =>
  (editor) =>
    stay({ ...editor, cursor: target(editor) });

function cut(editor: Editor, { from, to, keeps }: { from: number; to: number; keeps: boolean }): EditorStep {
  if (from === to) return stay(editor);
  const killed = keeps ? editor.text.slice(from, to) : editor.killed;
  const text = editor.text.slice(0, from) + editor.text.slice(to);
  return stay({ ...changed(editor, { text, cursor: from }), killed });
}

const killBack =
  (target: Target, keeps = true): Action =>
  (editor) =>
    cut(editor, { from: target(editor), to: editor.cursor, keeps });

const killAhead =
  (target: Target, keeps = true): Action =>
  (editor) =>
    cut(editor, { from: editor.cursor, to: target(editor), keeps });

/** At the end of a line what is cut is its end. */
const restOfLine: Target = (draft) => (lineEnd(draft) === draft.cursor ? characterAfter(draft) : lineEnd(draft));
const startOfLine: Target = (draft) => (lineStart(draft) === draft.cursor ? characterBefore(draft) : lineStart(draft));

function transpose(editor: Editor): EditorStep {
  const end = editor.cursor === lineEnd(editor) ? editor.cursor : characterAfter(editor);
  const middle = characterBefore({ text: editor.text, cursor: end });
  const start = characterBefore({ text: editor.text, cursor: middle });
  if (start === middle || middle === end) return stay(editor);
  const swapped = editor.text.slice(middle, end) + editor.text.slice(start, middle);
  return stay(changed(editor, { text: editor.text.slice(0, start) + swapped + editor.text.slice(end), cursor: end }));
}

function undo(editor: Editor): EditorStep {
  const last = editor.undo.at(-1);
  if (last === undefined) return { next: editor, ask: "bell" };
  return stay({ ...editor, ...last, undo: editor.undo.slice(0, -1) });
}

function enter(editor: Editor, { isComplete }: EditorContext): EditorStep {
  if (!isComplete(editor.text)) return stay(insert(editor, "\n"));
  return { next: { ...editor, cursor: editor.text.length }, ask: "submit" };
}

function endOrDelete(editor: Editor): EditorStep {
  if (editor.text === "") return { next: editor, ask: "end" };
  return killAhead(characterAfter, false)(editor, { history: [], isComplete: () => true });
}

/** The line of the history, or for 0 what was typed before it was looked through. */
function recall(editor: Editor, back: number, history: readonly string[]): Editor {
  const draft = editor.back === 0 ? editor.text : editor.draft;
  const text = back === 0 ? draft : (history.at(-back) ?? "");
  return { ...editor, text, cursor: text.length, back, draft, undo: [] };
}

const up: Action = (editor, { history }) => {
  const start = lineStart(editor);
  if (start > 0) return stay({ ...editor, cursor: sameColumn(editor, { text: editor.text, cursor: start - 1 }) });
  return editor.back < history.length ? stay(recall(editor, editor.back + 1, history)) : { next: editor, ask: "bell" };
};

const down: Action = (editor, { history }) => {
  const end = lineEnd(editor);
  if (end < editor.text.length) {
    return stay({ ...editor, cursor: sameColumn(editor, { text: editor.text, cursor: end + 1 }) });
  }
  return editor.back > 0 ? stay(recall(editor, editor.back - 1, history)) : { next: editor, ask: "bell" };
};

/** The place in another line that is as many characters from its start. */
function sameColumn(editor: Draft, line: Draft): number {
  const column = graphemes(editor.text.slice(lineStart(editor), editor.cursor)).length;
  const start = lineStart(line);
  return (
    start +
    graphemes(editor.text.slice(start, lineEnd(line)))
      .slice(0, column)
      .join("").length
  );
}

const beginSearch: Action = (editor) =>
  stay({ ...editor, search: { query: "", back: undefined, before: { text: editor.text, cursor: editor.cursor } } });

interface SearchCall {
  readonly key: Key;
  readonly context: EditorContext;
  readonly search: Search;
}

/** Incremental, from the newest: Ctrl-R again goes further, Enter takes, Ctrl-G gives up, any other key takes the line and does what it does. */
function searchStep(editor: Editor, { key, context, search }: SearchCall): EditorStep {
  const chord = chordOf(key);
  if (chord === "C-g" || chord === "C-c") return stay({ ...editor, ...search.before, search: undefined });
  if (chord === "C-r") return find(editor, { query: search.query, from: (search.back ?? 0) + 1, search }, context);
  if (chord === "backspace") {
    return find(editor, { query: graphemes(search.query).slice(0, -1).join(""), from: 1, search }, context);
  }
  if (isTyped(key)) {
    return find(editor, { query: search.query + (key.text ?? ""), from: search.back ?? 1, search }, context);
  }
  const taken = { ...editor, search: undefined };
  return chord === "escape" || chord === "M-escape" ? stay(taken) : editorStep(taken, key, context);
}

interface Find {
  readonly query: string;
  readonly from: number;
  readonly search: Search;
}

function find(editor: Editor, { query, from, search }: Find, { history }: EditorContext): EditorStep {
  const wanted = query.toLowerCase();
  for (let back = from; query !== "" && back <= history.length; back++) {
    const text = history.at(-back) ?? "";
    const at = text.toLowerCase().indexOf(wanted);
    if (at === -1) continue;
    return stay({ ...editor, text, cursor: at, back, draft: search.before.text, search: { ...search, query, back } });
  }
  // Nothing further: the last match stays, as the bell says.
  return { next: { ...editor, search: { ...search, query } }, ask: query === "" ? "nothing" : "bell" };
}

const ask =
  (what: EditorAsk): Action =>
  (editor) => ({ next: editor, ask: what });

const yank: Action = (editor) => stay(editor.killed === "" ? editor : insert(editor, editor.killed));
const newline: Action = (editor) => stay(insert(editor, "\n"));

const ACTIONS: Readonly<Record<string, Action | undefined>> = {
  return: enter,
  enter,
  "M-return": newline,
  "M-enter": newline,
  "C-c": ask("interrupt"),
  "C-d": endOrDelete,
  "C-l": ask("clearScreen"),
  tab: ask("complete"),
  left: moveTo(characterBefore),
  "C-b": moveTo(characterBefore),
  right: moveTo(characterAfter),
  "C-f": moveTo(characterAfter),
  "C-left": moveTo(wordBefore),
  "M-left": moveTo(wordBefore),
  "M-b": moveTo(wordBefore),
  "C-right": moveTo(wordAfter),
  "M-right": moveTo(wordAfter),
  "M-f": moveTo(wordAfter),
  home: moveTo(lineStart),
  "C-a": moveTo(lineStart),
  end: moveTo(lineEnd),
  "C-e": moveTo(lineEnd),
  "C-home": moveTo(() => 0),
  "C-end": moveTo(({ text }) => text.length),
  backspace: killBack(characterBefore, false),
  "C-h": killBack(characterBefore, false),
  delete: killAhead(characterAfter, false),
  "C-w": killBack(spaceBefore),
  "M-backspace": killBack(wordBefore),
  "M-d": killAhead(wordAfter),
  "C-k": killAhead(restOfLine),
  "C-u": killBack(startOfLine),
  "C-y": yank,
  "C-t": transpose,
  // Ctrl-_ has no name.
  "\u001f": undo,
  up,
  down,
  "C-p": up,
  "C-n": down,
  "C-r": beginSearch,
};
