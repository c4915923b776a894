// What a row of the table of settings is.
import type { ValueType } from "./value-type.ts";

export interface Setting<T> {
  readonly type: ValueType<T>;
  readonly fallback: NoInfer<T>;
  readonly help: string;
  /** Environment variables besides the one made from the name; the first is the documented one. */
  readonly env?: readonly string[];
  /** Friendlier spellings of the flag. */
  readonly aliases?: readonly string[];
  /** Masked wherever settings are shown, and refused as a flag: other users of the machine can read command lines. */
  readonly secret?: boolean;
}

export function setting<T>(row: Setting<T>): Setting<T> {
  return row;
}
