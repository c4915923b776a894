// From frames to values, in order. Only a compressed frame takes a turn of the event loop; those behind it wait.

import type { WireFormat } from "../protocol/frame.ts";
import { gunzip, isGzipped } from "../protocol/gunzip.ts";
import { parseJson } from "../protocol/json.ts";
import type { Msgpack } from "../protocol/msgpack.ts";
import { type KalamError, toKalamError } from "./kalam-error.ts";

export interface Inbox {
  add(data: unknown): void;
}

export interface InboxOptions {
  readonly format: WireFormat;
  readonly msgpack: Msgpack;
  readonly onValue: (value: unknown) => void;
  readonly onBroken: (error: KalamError) => void;
}

export function createInbox(options: InboxOptions): Inbox {
  let queue: Promise<void> | undefined;

  const deliver = (frame: string | Uint8Array): void => {
    try {
      options.onValue(decode(frame, options));
    } catch (error) {
      options.onBroken(toKalamError(error, "BAD_RESPONSE"));
    }
  };
  const unpack = async (frame: string | Uint8Array<ArrayBuffer>): Promise<void> => {
    try {
      deliver(typeof frame === "string" || !isGzipped(frame) ? frame : await gunzip(frame));
    } catch (error) {
      options.onBroken(toKalamError(error, "BAD_RESPONSE"));
    }
  };

  return {
    add(data) {
      const frame = data instanceof ArrayBuffer ? new Uint8Array(data) : String(data);
      const isPacked = typeof frame !== "string" && isGzipped(frame);
      if (queue === undefined && !isPacked) {
        deliver(frame);
        return;
      }
      const turn: Promise<void> = (queue ?? Promise.resolve())
        .then(() => unpack(frame))
        .finally(() => {
          if (queue === turn) queue = undefined;
        });
      queue = turn;
    },
  };
}

/** Text is JSON on every socket; bytes are JSON only where JSON was negotiated (they came compressed). */
function decode(frame: string | Uint8Array, options: InboxOptions): unknown {
  if (typeof frame === "string") return parseJson(frame);
  return options.format === "msgpack" ? options.msgpack.decode(frame) : parseJson(new TextDecoder().decode(frame));
}
