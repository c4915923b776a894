import { readFileSync } from "node:fs";
import { errorCode } from "./error-code.ts";

/** The text of a file; undefined where there is none. */
export function readTextIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
