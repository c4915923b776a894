// A place in a subscription's stream, as text that an application can keep: `<position>` or `<position>@<epoch>`.
import { KalamError } from "./kalam-error.ts";

export interface Cursor {
  readonly seq: bigint;
  /** The history that the position belongs to; the peer protocol has none. */
  readonly epoch: string | undefined;
}

export function formatCursor(cursor: Cursor): string {
  return cursor.epoch === undefined ? cursor.seq.toString() : `${cursor.seq}@${cursor.epoch}`;
}

export function parseCursor(input: string | bigint): Cursor {
  if (typeof input === "bigint") return { seq: input, epoch: undefined };
  const match = /^(\d{1,19})(?:@(.+))?$/.exec(input);
  if (!match) throw new KalamError("INVALID_INPUT", `not a cursor: ${JSON.stringify(input)}`);
  return { seq: BigInt(match[1] ?? "0"), epoch: match[2] };
}

/** Whether something at `seq` still has to be delivered to who has seen everything up to `cursor`. Unnumbered things always have. */
export function isNew(seq: bigint | undefined, cursor: Cursor | undefined): boolean {
  return seq === undefined || cursor === undefined || seq > cursor.seq;
}
