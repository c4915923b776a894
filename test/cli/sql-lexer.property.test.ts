// Splitting loses nothing and depends on nothing but quotes.
import { test } from "bun:test";
import fc from "fast-check";
import { splitInput } from "../../src/cli/sql-lexer.ts";

const QUOTED = fc.oneof(
  fc.string().map((text) => `'${text.replaceAll("'", "''")}'`),
  fc.string().map((text) => `"${text.replaceAll('"', '""')}"`),
  fc
    .string()
    .map((text) => `$q$${text.replaceAll("$q$", "")}$q$`)
    .filter((text) => !text.includes("$$q$")),
  fc.string().map((text) => `--${text.replaceAll("\n", " ")}\n`),
  fc.string().map((text) => `/*${text.replaceAll(/[*/]/g, "")}*/`),
);
const STATEMENT = fc.array(fc.oneof(QUOTED, fc.constantFrom("SELECT", "a", "1", "(", ")", ",", "=")), {
  minLength: 0,
  maxLength: 8,
});

test("CL-03 statements joined by semicolons come back one by one, whatever their quotes hold", () => {
  fc.assert(
    fc.property(fc.array(STATEMENT, { maxLength: 6 }), (statements) => {
      const sources = statements.map((words) => `x ${words.join(" ")} ;`);
      const parts = splitInput(sources.join("\n")).parts.map(({ text }) => text);
      return parts.length === sources.length && parts.every((text, index) => text === sources[index]);
    }),
  );
});

test("CL-03 any text is split without a loss", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", " ", "\n", "'", '"', "$", "-", "/", "*", ";", "(", "E") }),
      (text) => {
        const { parts, rest } = splitInput(text);
        const kept = parts.map((part) => part.text).join("") + rest;
        const letters = (from: string): number => from.split("a").length;
        // What is between statements is white space, comments and semicolons: a letter there is one of a comment.
        return (
          letters(kept) <= letters(text) &&
          (text.includes("-") || text.includes("/") || letters(kept) === letters(text))
        );
      },
    ),
  );
});
