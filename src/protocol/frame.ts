// What a socket carries, and the notation it is written in.
export type Frame = string | Uint8Array<ArrayBuffer>;

export type WireFormat = "json" | "msgpack";

/** A message encoded once for many subscribers: only the subscription id is still missing. */
export interface Spliced {
  withId(id: string): Frame;
}
