// The settings for people: `--help`, the generated reference and the rows of `system.settings`.
import { type Config, settingValue } from "./config.ts";
import { categoryOf, envNames, flagName, SETTING_NAMES, type SettingName, settingRow } from "./settings.ts";

export interface SettingView {
  readonly name: string;
  readonly value: string;
  readonly description: string;
  readonly category: string;
}

/** Rows of `system.settings`; secrets show as `***`. */
export function settingsView(config: Config): readonly SettingView[] {
  return SETTING_NAMES.map((name) => ({
    name,
    value: shownValue(name, settingValue(config, name)),
    description: settingRow(name).help,
    category: categoryOf(name),
  }));
}

function shownValue(name: SettingName, value: unknown): string {
  const row = settingRow(name);
  if (row.secret === true) return value === undefined ? "" : "***";
  return row.type.format(value);
}

function defaultText(name: SettingName): string {
  const shown = shownValue(name, settingRow(name).fallback);
  return shown === "" ? "unset" : shown;
}

function byCategory(): ReadonlyMap<string, readonly SettingName[]> {
  return Map.groupBy(SETTING_NAMES, categoryOf);
}

const GENERAL_HELP = [
  "  --config FILE",
  "      Read settings from FILE instead of ./server.toml.",
  "  -h, --help",
  "  -V, --version",
];

export function helpText(): string {
  const lines = [
    "Settings are taken from flags, then environment variables, then server.toml, then defaults.",
    "",
    ...GENERAL_HELP,
  ];
  for (const [category, names] of byCategory()) {
    lines.push("", `${category}:`);
    for (const name of names) lines.push(...helpLines(name));
  }
  return `${lines.join("\n")}\n`;
}

function helpLines(name: SettingName): readonly string[] {
  const row = settingRow(name);
  const flags = [...(row.aliases ?? []), flagName(name)].join(", ");
  const usage = row.secret === true ? `  ${name} (no flag)` : `  ${flags} ${row.type.metavar}`;
  return [usage, `      ${row.help}`, `      [${envNames(name)[0] ?? ""}; default ${defaultText(name)}]`];
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

/** The text of specs/settings.md. */
export function settingsMarkdown(): string {
  const lines = [
    "# Settings",
    "",
    "Generated from the table in `src/config/settings.ts`; `test/config/settings-reference.test.ts` holds the two together and says how to regenerate.",
    "",
    "A value is taken from the flag, else the environment variable (an empty one counts as unset), else `server.toml` (`--config FILE`, else",
    "`./server.toml`), else the default. In `server.toml` the name's dots are sections: `port` under `[server]`. Secrets have no flag, because other",
    "users of the machine can read command lines.",
  ];
  for (const [category, names] of byCategory()) {
    lines.push(
      "",
      `## ${category}`,
      "",
      "| name | flag | environment | value | default | meaning |",
      "|---|---|---|---|---|---|",
    );
    for (const name of names) lines.push(markdownRow(name));
  }
  return `${lines.join("\n")}\n`;
}

function markdownRow(name: SettingName): string {
  const row = settingRow(name);
  const flags =
    row.secret === true ? "–" : [flagName(name), ...(row.aliases ?? [])].map((flag) => `\`${flag}\``).join(" ");
  const variables = envNames(name).map((variable) => `\`${variable}\``);
  const cells = [`\`${name}\``, flags, variables.join(" "), row.type.expects, defaultText(name), row.help];
  return `| ${cells.map(cell).join(" | ")} |`;
}
