// What a socket speaks: protocol family, notation and compression, from the upgrade's URL and from the client's first message.
import type { WireFormat } from "./frame.ts";

/** Version of the native protocol. 2: channels, one frame per commit, resets (version 1 is the peer protocol). */
export const NATIVE_VERSION = 2;
export const NATIVE_PROTOCOL = `kalam.v${NATIVE_VERSION}`;

export interface Dialect {
  readonly protocol: "peer" | "native";
  readonly format: WireFormat;
  /** Whether frames may be compressed at all. */
  readonly gzip: boolean;
  /** Asked for by the client and echoed; frames go by `gzip`. */
  readonly compression: "none" | "gzip";
  /** A header-authenticated peer client: it asks for every page of a snapshot with `next_batch`. */
  readonly pages: boolean;
}

/** The `protocol` object of `authenticate` and `hello`, with what was left out filled in. */
export interface ProtocolRequest {
  readonly version: 1 | 2;
  readonly format: WireFormat;
  readonly compression: "none" | "gzip";
}

const BOTH = [false, true] as const;

/** All there are, so that a hundred thousand sockets share a few. */
const DIALECTS: ReadonlyMap<string, Dialect> = new Map(
  (["peer", "native"] as const)
    .flatMap((protocol) => (["json", "msgpack"] as const).map((format) => ({ protocol, format })))
    .flatMap((some) => (["none", "gzip"] as const).map((compression) => ({ ...some, compression })))
    .flatMap((some) => BOTH.flatMap((gzip) => BOTH.map((pages): Dialect => ({ ...some, gzip, pages }))))
    .map((dialect) => [keyOf(dialect), dialect]),
);

function keyOf({ protocol, format, gzip, compression, pages }: Dialect): string {
  return `${protocol} ${format} ${gzip} ${compression} ${pages}`;
}

function theOne(dialect: Dialect): Dialect {
  return DIALECTS.get(keyOf(dialect)) ?? dialect;
}

/** Unknown parameters and values are ignored. `serialization` and `compression` count only together with a token in the header. */
export function isNativeUpgrade(search: URLSearchParams): boolean {
  return search.get("protocol") === NATIVE_PROTOCOL;
}

export function dialectOfUpgrade(search: URLSearchParams, hasToken: boolean): Dialect {
  const isNative = isNativeUpgrade(search);
  const refusesGzip = [...search].some(([name, value]) => `${name}=${value}`.toLowerCase() === "compress=false");
  return theOne({
    protocol: isNative ? "native" : "peer",
    format: hasToken && search.get("serialization") === "msgpack" ? "msgpack" : "json",
    gzip: !refusesGzip,
    compression: hasToken && search.get("compression") === "none" ? "none" : "gzip",
    pages: hasToken && !isNative,
  });
}

/** The URL may only raise the version: a socket opened as native stays native. */
export function withRequest(dialect: Dialect, request: ProtocolRequest): Dialect {
  const isNative = dialect.protocol === "native" || request.version === NATIVE_VERSION;
  return theOne({
    protocol: isNative ? "native" : "peer",
    format: request.format,
    gzip: dialect.gzip,
    compression: request.compression,
    pages: dialect.pages && !isNative,
  });
}
