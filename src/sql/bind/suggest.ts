import { closest } from "../../base/closest.ts";

/** A hint for the error, or nothing when no candidate is a slip of the fingers away. */
export function didYouMean(name: string, candidates: Iterable<string>): { readonly hint?: string } {
  const near = closest(name.toLowerCase(), candidates);
  return near === undefined ? {} : { hint: `Perhaps you meant "${near}".` };
}
