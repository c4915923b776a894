// server.toml → raw values by setting. A key that is no setting is a fault: a misspelt limit must not be silently without effect.
import { suggestion } from "../base/closest.ts";
import { isSettingName, SETTING_NAMES, type SettingName } from "./settings.ts";
import type { RawValue } from "./value-type.ts";

export interface TomlSettings {
  readonly values: ReadonlyMap<SettingName, RawValue>;
  readonly faults: readonly string[];
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function rawValue(value: unknown): RawValue | undefined {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) {
    const items = value.filter((item): item is string => typeof item === "string");
    return items.length === value.length ? items : undefined;
  }
  return undefined;
}

function isSectionName(path: string): boolean {
  return SETTING_NAMES.some((name) => name.startsWith(`${path}.`));
}

/** Settings and the sections they are in: what a key may be. */
function knownPaths(): Set<string> {
  const paths = new Set<string>(SETTING_NAMES);
  for (const name of SETTING_NAMES) {
    for (let dot = name.indexOf("."); dot !== -1; dot = name.indexOf(".", dot + 1)) paths.add(name.slice(0, dot));
  }
  return paths;
}

export function parseToml(source: string): TomlSettings {
  const values = new Map<SettingName, RawValue>();
  const faults: string[] = [];

  const visit = (table: object, prefix: string): void => {
    for (const [key, value] of Object.entries(table)) {
      const path = prefix === "" ? key : `${prefix}.${key}`;
      if (isSettingName(path)) {
        const raw = rawValue(value);
        if (raw === undefined) faults.push(`${path}: expected a text, number, boolean or list of texts`);
        else values.set(path, raw);
      } else if (!isSectionName(path)) {
        faults.push(`unknown key ${JSON.stringify(path)}${suggestion(path, knownPaths())}`);
      } else if (isTable(value)) visit(value, path);
      else faults.push(`${path} is a section, not a value: write [${path}]`);
    }
  };

  try {
    visit(Bun.TOML.parse(source), "");
  } catch (error) {
    // Bun's parser throws a SyntaxError whose text says what is wrong.
    faults.push(error instanceof Error ? error.message : "not valid TOML");
  }
  return { values, faults };
}
