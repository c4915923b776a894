// Who is really on the other end: the peer address, or what a proxy that may be believed says about it. Decides nothing else.
import { BlockList, isIP } from "node:net";

export interface Client {
  /** Canonical text; IPv4 in IPv6 is shown as IPv4. "unknown" when the socket tells none. */
  readonly address: string;
  /** On this machine, directly: a request that came through any proxy is not. */
  readonly isLoopback: boolean;
  readonly isHttps: boolean;
}

export interface Connection {
  /** Address of the socket's other end. */
  readonly peer: string | undefined;
  readonly isTls: boolean;
  readonly header: (name: string) => string | null;
}

/** What proxies, tunnels and CDNs add. Any of them, whatever it says, means that the request did not begin on this machine. */
const FORWARDING_HEADERS = [
  ..."forwarded via x-real-ip x-client-ip x-cluster-client-ip true-client-ip cf-connecting-ip fly-client-ip".split(" "),
  ..."fastly-client-ip x-envoy-external-address x-original-host x-original-forwarded-for x-forwarded".split(" "),
  ..."for host proto port server prefix scheme".split(" ").map((what) => `x-forwarded-${what}`),
];
/** A longer chain is cut at its far, untrustworthy end. */
const MAX_HOPS = 32;

export function createClientResolver(trustedProxyRanges: readonly string[]): (connection: Connection) => Client {
  const trusted = blockList(trustedProxyRanges);
  const isTrusted = (address: string): boolean => isLoopbackAddress(address) || contains(trusted, address);
  return ({ peer, isTls, header }) => {
    const address = canonicalAddress(peer ?? "");
    if (address === undefined) return { address: "unknown", isLoopback: false, isHttps: isTls };
    if (!isTrusted(address)) return { address, isLoopback: false, isHttps: isTls };
    const protocol = header("x-forwarded-proto")?.split(",").at(-1)?.trim().toLowerCase();
    return {
      address: forwardedAddress(header, isTrusted) ?? address,
      isLoopback: isLoopbackAddress(address) && !FORWARDING_HEADERS.some((name) => header(name) !== null),
      isHttps: isTls || protocol === "https",
    };
  };
}

/**
 * The chain is read from our end: each proxy appends the address it saw, so the first one that is not a trusted proxy is the client, and whatever
 * stands before it was written by the client itself.
 */
function forwardedAddress(header: Connection["header"], isTrusted: (address: string) => boolean): string | undefined {
  const chain = header("x-forwarded-for")?.split(",").slice(-MAX_HOPS).reverse() ?? [];
  let nearest: string | undefined;
  for (const hop of chain) {
    const address = canonicalAddress(withoutPort(hop.trim()));
    if (address === undefined) return nearest;
    if (!isTrusted(address)) return address;
    if (!isLoopbackAddress(address)) nearest = address;
  }
  if (nearest !== undefined || chain.length > 0) return nearest;
  const real = canonicalAddress(withoutPort(header("x-real-ip")?.trim() ?? ""));
  return real === undefined || isLoopbackAddress(real) ? undefined : real;
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1];
  return bracketed ?? text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}

/** Undefined for anything that is not an IP address. */
function canonicalAddress(text: string): string | undefined {
  const address = text.replace(/%.*$/, "");
  const family = isIP(address);
  if (family !== 6) return family === 4 ? address : undefined;
  const canonical = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const [high, low] = [Number.parseInt(mapped[1] ?? "", 16), Number.parseInt(mapped[2] ?? "", 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}

function isLoopbackAddress(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = "", bits] = range.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** What a limit for each client counts by. An IPv6 client owns a whole /64 and could take a fresh address for every request. */
export function rateLimitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: zeros }, () => "0"), ...after];
  return `${groups.slice(0, 4).join(":")}::/64`;
}
