// The declared seam for failure injection: tests make these places throw, or end the process there.

export const FAILPOINTS = ["begin", "write", "trim", "commit", "committed", "checkpoint", "ballast"] as const;
/**
 * `begin`: before the transaction opens; `write`: before a row or catalog write; `trim`: before leftovers are removed; `commit`: before COMMIT; `committed`: durable, nobody told
 * yet (only for ending the process: a throw there would be a lie); `checkpoint`: before the log is folded into the file; `ballast`: before the
 * reserve is written.
 */
export type FailpointName = (typeof FAILPOINTS)[number];
export type Failpoint = (name: FailpointName) => void;

export const noFailpoint: Failpoint = () => undefined;
