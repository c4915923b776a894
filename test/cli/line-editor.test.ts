// The line that is typed: keys in, text and cursor out.
import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Editor, type EditorContext, editorStep, newEditor } from "../../src/cli/line-editor.ts";
import { isComplete } from "../../src/cli/run-shell.ts";
import type { Key } from "../../src/cli/terminal.ts";

const HISTORY = ["SELECT 1;", "SELECT 'two'\n  AS t;", "INSERT INTO t VALUES (3);"];
const CONTEXT: EditorContext = { history: HISTORY, isComplete };

/** `C-a`, `M-b`, `<up>`, or text. */
function keysOf(input: string): readonly Key[] {
  return [...input.matchAll(/<((?:C-|M-)*)([^>]+)>|[\s\S]/gu)].map(([whole, modifiers, name]) => {
    const isNamed = name !== undefined;
    return {
      text: isNamed ? undefined : whole,
      name: isNamed ? name : undefined,
      ctrl: modifiers?.includes("C-") === true,
      meta: modifiers?.includes("M-") === true,
      shift: false,
    };
  });
}

function type(input: string, from: Editor = newEditor()): Editor {
  return keysOf(input).reduce((editor, key) => editorStep(editor, key, CONTEXT).next, from);
}

/** The text with the cursor as `|`. */
function shown({ text, cursor }: Editor): string {
  return `${text.slice(0, cursor)}|${text.slice(cursor)}`;
}

test.each([
  ["abc<left><left>X", "aX|bc"],
  ["one two<C-left><C-left><C-right>", "one| two"],
  ["one two<M-b>X", "one X|two"],
  ["abc<home>X<end>Y", "XabcY|"],
  ["abc<C-a><delete><C-d>", "|c"],
  ["abc<backspace><C-h>", "a|"],
  ["a.b c<C-w>", "a.b |"],
  ["a.b c<M-backspace><M-backspace>", "a.|"],
  ["one two<C-a><M-d>", "| two"],
  ["one two<C-a><C-k>X<C-y>", "Xone two|"],
  ["one two<C-u><C-y><C-y>", "one twoone two|"],
  ["ab<C-t>", "ba|"],
  ["one two<C-w><\u001f>", "one two|"],
  ["日本<left>é", "日é|本"],
  ["👩‍👩‍👧‍👦x<left><backspace>", "|x"],
  ["é<left>x", "x|é"],
])("CL-03 editing: %p gives %p", (input, expected) => {
  expect(shown(type(input))).toBe(expected);
});

test.each([
  ["SELECT 1;", "submit"],
  ["SELECT 1", "nothing"],
  ["SELECT ';", "nothing"],
  ["SELECT $$ ;", "nothing"],
  ["SELECT 1; -- done", "submit"],
  ["\\dt", "submit"],
  ["quit", "submit"],
  ["SELECT exit", "nothing"],
  ["SELECT 1 \\gx", "submit"],
  ["", "submit"],
])("CL-03 Enter behind %p: %s", (input, ask) => {
  const { next, ask: asked } = editorStep(type(input), keysOf("<return>")[0] as Key, CONTEXT);
  expect(asked).toBe(ask as "nothing");
  if (ask === "nothing") expect(next.text).toBe(`${input}\n`);
});

test("CL-03 Ctrl-D deletes in a line and ends on an empty one; Ctrl-C gives up the line", () => {
  const ask = (input: string, key: string): string => editorStep(type(input), keysOf(key)[0] as Key, CONTEXT).ask;
  expect([ask("", "<C-d>"), ask("a", "<C-d>"), ask("a", "<C-c>"), ask("a", "<tab>")]).toEqual([
    "end",
    "nothing",
    "interrupt",
    "complete",
  ]);
});

test("CL-03 up and down go through the lines of a statement first, then through the history and back to what was typed", () => {
  const second = type("dra<up><up>");
  expect(second.text).toBe("SELECT 'two'\n  AS t;");
  expect(shown(type("<up>", second))).toBe("SELECT |'two'\n  AS t;");
  expect(type("<up><up>", second).text).toBe("SELECT 1;");
  expect(type("<down><down>", second).text).toBe("dra");
});

test("CL-03 Ctrl-R finds the newest line, again the next, Ctrl-G gives back what was typed, Enter runs what was found", () => {
  expect(type("dra<C-r>select").text).toBe("SELECT 'two'\n  AS t;");
  expect(type("dra<C-r>select<C-r>").text).toBe("SELECT 1;");
  expect(shown(type("dra<C-r>select<C-g>"))).toBe("dra|");
  const { next, ask } = editorStep(type("<C-r>two"), keysOf("<return>")[0] as Key, CONTEXT);
  expect([next.text, ask]).toEqual(["SELECT 'two'\n  AS t;", "submit"]);
  expect(type("dra<C-r>zzz").text).toBe("dra");
});

test("CL-03 pasted text is taken as it is: Tab and Enter are characters, controls are dropped", () => {
  const pasted = keysOf("<paste-start>a;<return>\tb\u0007<paste-end>");
  const editor = pasted.reduce((before, key) => editorStep(before, key, CONTEXT).next, newEditor());
  expect([editor.text, editor.isPasting]).toEqual(["a;\n\tb", false]);
  expect(type("<\u001f>", editor).text).toBe("");
});

test("CL-03 whatever is typed, the cursor stands between characters, and undo leads back", () => {
  const KEY = fc.constantFrom(
    "a",
    "b",
    " ",
    ";",
    "'",
    "\n",
    "日",
    "👩‍👩‍👧‍👦",
    "<left>",
    "<right>",
    "<up>",
    "<down>",
    "<home>",
    "<end>",
    "<C-w>",
    "<C-k>",
    "<C-u>",
    "<C-y>",
    "<C-t>",
    "<M-b>",
    "<M-f>",
    "<backspace>",
    "<delete>",
  );
  fc.assert(
    fc.property(fc.array(KEY, { maxLength: 40 }), (keys) => {
      const editor = type(keys.join(""));
      const { text, cursor } = editor;
      const isBetween = cursor >= 0 && cursor <= text.length && !/[\udc00-\udfff]/.test(text[cursor] ?? "");
      let back = editor;
      for (let step = 0; step < 60; step++) back = type("<\u001f>", back);
      // A line of the history is where undo begins anew.
      const start = keys.some((key) => key === "<up>" || key === "<down>") ? back.text : "";
      return isBetween && back.text === start;
    }),
  );
});
