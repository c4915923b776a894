import { expect, test } from "bun:test";
import { settingsMarkdown } from "../../src/config/help.ts";
import { SETTING_NAMES } from "../../src/config/settings.ts";

const REGENERATE =
  'bun -e \'import { settingsMarkdown } from "./src/config/help.ts"; await Bun.write("specs/settings.md", settingsMarkdown())\'';

test("OP-01 specs/settings.md is the text generated from the settings table", async () => {
  const written = await Bun.file(new URL("../../specs/settings.md", import.meta.url)).text();
  expect(written === settingsMarkdown(), `out of date; regenerate with: ${REGENERATE}`).toBe(true);
});

test("OP-01 the reference names every setting", () => {
  const text = settingsMarkdown();
  expect(SETTING_NAMES.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
