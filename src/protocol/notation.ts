// The two notations of one message. Messages are put together from pieces that were encoded once, so that a row is encoded once per
// format however many subscribers it goes to.
import type { Cell, SqlType } from "../model/sql-type.ts";
import { cellToJson, cellToWire } from "../model/types.ts";
import type { Frame, Spliced, WireFormat } from "./frame.ts";
import { type JsonValue, toJson } from "./json.ts";
import { concatBytes, createMsgpack, FRAME_LIMITS, listHeader, mapHeader } from "./msgpack.ts";

export interface Notation<F extends Frame> {
  readonly format: WireFormat;
  value(value: JsonValue): F;
  cell(cell: Cell, type: SqlType): F;
  list(items: readonly F[]): F;
  /** A map with fixed names; an undefined value leaves its entry out. */
  record(names: readonly string[]): (values: readonly (F | undefined)[]) => F;
  /** A message of `type` whose second entry, `subscription_id`, comes later. */
  addressed(type: string, names: readonly string[]): (values: readonly (F | undefined)[]) => Spliced;
}

export const jsonNotation: Notation<string> = {
  format: "json",
  value: toJson,
  cell: cellToJson,
  list: (items) => `[${items.join(",")}]`,
  record(names) {
    const keys = names.map((name) => `${JSON.stringify(name)}:`);
    return (values) => `{${jsonEntries(keys, values).slice(1)}}`;
  },
  addressed(type, names) {
    const head = `{"type":${JSON.stringify(type)},"subscription_id":`;
    const keys = names.map((name) => `${JSON.stringify(name)}:`);
    return (values) => {
      const tail = `${jsonEntries(keys, values)}}`;
      return { withId: (id) => head + JSON.stringify(id) + tail };
    };
  },
};

/** Every entry with a comma before it. */
function jsonEntries(keys: readonly string[], values: readonly (string | undefined)[]): string {
  let text = "";
  for (let index = 0; index < keys.length; index++) {
    const value = values[index];
    if (value !== undefined) text += `,${keys[index] ?? ""}${value}`;
  }
  return text;
}

type Bytes = Uint8Array<ArrayBuffer>;

export function createMsgpackNotation(): Notation<Bytes> {
  const codec = createMsgpack(FRAME_LIMITS);
  const encodeAll = (texts: readonly string[]): readonly Bytes[] => texts.map((text) => codec.encode(text));
  return {
    format: "msgpack",
    value: (value) => codec.encode(value),
    cell: (cell, type) => codec.encode(cellToWire(cell, type)),
    list: (items) => concatBytes([listHeader(items.length), ...items]),
    record(names) {
      const keys = encodeAll(names);
      return (values) => {
        const entries = msgpackEntries(keys, values);
        return concatBytes([mapHeader(entries.length / 2), ...entries]);
      };
    },
    addressed(type, names) {
      const keys = encodeAll(names);
      const start = encodeAll(["type", type, "subscription_id"]);
      return (values) => {
        const entries = msgpackEntries(keys, values);
        const head = concatBytes([mapHeader(entries.length / 2 + 2), ...start]);
        const tail = concatBytes(entries);
        return { withId: (id) => concatBytes([head, codec.encode(id), tail]) };
      };
    },
  };
}

function msgpackEntries(keys: readonly Bytes[], values: readonly (Bytes | undefined)[]): Bytes[] {
  const entries: Bytes[] = [];
  for (const [index, key] of keys.entries()) {
    const value = values[index];
    if (value !== undefined) entries.push(key, value);
  }
  return entries;
}
