// The few colours there are. Whether any are used is decided once, at the start.
import type { Preferences } from "./preferences.ts";

export type Paint = (text: string) => string;

export interface Colors {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

const CODES: Readonly<Record<keyof Colors, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

export function colors(isOn: boolean): Colors {
  const paint = (name: keyof Colors): Paint => {
    const [start, end] = CODES[name];
    return isOn ? (text) => `\u001b[${start}m${text}\u001b[${end}m` : (text) => text;
  };
  return { bold: paint("bold"), dim: paint("dim"), red: paint("red"), green: paint("green"), yellow: paint("yellow") };
}

/** https://no-color.org; `dumb` is what terminals without escape sequences call themselves. */
export function wantsColor(
  choice: Preferences["color"],
  { isTerminal, env }: { readonly isTerminal: boolean; readonly env: Readonly<Record<string, string | undefined>> },
): boolean {
  if (choice !== "auto") return choice === "always";
  return isTerminal && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}
