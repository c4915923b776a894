// What becomes of a submitter: nothing before the outcome of its batch is known.
import { DbError } from "../../base/errors.ts";
import type { Seq } from "../../base/ids.ts";
import type { Committed } from "../seams.ts";

export interface Settling<T> {
  readonly resolve: (committed: Committed<T>) => void;
  readonly reject: (error: unknown) => void;
}

export type Outcome<T> =
  | { readonly kind: "returned"; readonly value: T }
  | { readonly kind: "threw"; readonly error: unknown };

/** Once the outcome of a batch is known; `failure` is a failed commit. */
export type Settle = (position: Seq, failure: unknown) => void;

export function settling<T>(outcome: Outcome<T>, { resolve, reject }: Settling<T>): Settle {
  return (position, failure) => {
    if (failure !== undefined) reject(failure);
    else if (outcome.kind === "threw") reject(outcome.error);
    else resolve({ value: outcome.value, position });
  };
}

export function shuttingDown(): DbError {
  return new DbError("SHUTTING_DOWN", "The server is shutting down");
}
