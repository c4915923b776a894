// `Config`: the settings as one nested, typed value, derived from the table. `auth.jwt_expiry_hours` becomes `config.auth.jwtExpiryHours`.
import { SETTING_NAMES, type SettingName, type SettingValues, settingRow } from "./settings.ts";

type Camel<Text extends string> = Text extends `${infer Head}_${infer Rest}`
  ? `${Head}${Capitalize<Camel<Rest>>}`
  : Text;

type FirstSegment<Name> = Name extends `${infer Head}.${string}` ? Head : Name;

type Tree<Values> = {
  readonly [Head in FirstSegment<keyof Values> & string as Camel<Head>]: Head extends keyof Values
    ? Values[Head]
    : Tree<{ [Name in keyof Values as Name extends `${Head}.${infer Rest}` ? Rest : never]: Values[Name] }>;
};

export type Config = Tree<SettingValues>;

function camel(text: string): string {
  return text.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

function pathOf(name: SettingName): { readonly sections: readonly string[]; readonly key: string } {
  const segments = name.split(".").map(camel);
  return { sections: segments.slice(0, -1), key: segments.at(-1) ?? name };
}

interface Section {
  [key: string]: unknown;
}

function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The settings given, defaults for the rest. */
export function configOf(values: Partial<SettingValues> = {}): Config {
  const root: Section = {};
  for (const name of SETTING_NAMES) {
    const { sections, key } = pathOf(name);
    let section = root;
    for (const title of sections) {
      const next = section[title];
      const child = isSection(next) ? next : {};
      section[title] = child;
      section = child;
    }
    section[key] = Object.hasOwn(values, name) ? values[name] : settingRow(name).fallback;
  }
  return root as unknown as Config;
}

/** The inverse of `configOf` for one setting. */
export function settingValue(config: Config, name: SettingName): unknown {
  const { sections, key } = pathOf(name);
  let section: unknown = config;
  for (const title of [...sections, key]) section = isSection(section) ? section[title] : undefined;
  return section;
}
