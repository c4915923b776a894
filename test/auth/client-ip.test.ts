// Which address, which machine and which protocol a request is taken to come from.
import { describe, expect, test } from "bun:test";
import { type Client, createClientResolver, rateLimitKey } from "../../src/auth/client-ip.ts";

const PROXIES = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"];

function resolve(peer: string | undefined, headers: Record<string, string> = {}, isTls = false): Client {
  return createClientResolver(PROXIES)({ peer, isTls, header: (name) => headers[name] ?? null });
}

describe("AU-04 the client's address", () => {
  test.each<[string, string, Record<string, string>, string]>([
    ["no proxy", "203.0.113.9", {}, "203.0.113.9"],
    ["a stranger's header is not believed", "203.0.113.9", { "x-forwarded-for": "198.51.100.1" }, "203.0.113.9"],
    ["a trusted proxy's is", "10.1.2.3", { "x-forwarded-for": "198.51.100.1" }, "198.51.100.1"],
    ["a proxy on this machine is trusted", "127.0.0.1", { "x-forwarded-for": "198.51.100.1" }, "198.51.100.1"],
    ["a single trusted address", "192.0.2.7", { "x-real-ip": "198.51.100.1" }, "198.51.100.1"],
    ["its neighbour", "192.0.2.8", { "x-real-ip": "198.51.100.1" }, "192.0.2.8"],
    [
      "what the client wrote itself stands first and does not count",
      "10.1.2.3",
      { "x-forwarded-for": "1.1.1.1, 198.51.100.1" },
      "198.51.100.1",
    ],
    ["a chain of trusted proxies", "10.1.2.3", { "x-forwarded-for": "198.51.100.1, 10.9.9.9" }, "198.51.100.1"],
    ["only proxies: the farthest", "10.1.2.3", { "x-forwarded-for": "10.8.8.8, 10.9.9.9" }, "10.8.8.8"],
    ["a claim to be loopback is ignored", "10.1.2.3", { "x-forwarded-for": "127.0.0.1" }, "10.1.2.3"],
    ["also as IPv6 in hexadecimal", "10.1.2.3", { "x-real-ip": "::ffff:7f00:1" }, "10.1.2.3"],
    ["rubbish is ignored", "10.1.2.3", { "x-forwarded-for": "<script>" }, "10.1.2.3"],
    [
      "X-Forwarded-For wins over X-Real-IP",
      "10.1.2.3",
      { "x-forwarded-for": "1.2.3.4", "x-real-ip": "5.6.7.8" },
      "1.2.3.4",
    ],
    ["port of an IPv4 address", "10.1.2.3", { "x-forwarded-for": "1.2.3.4:567" }, "1.2.3.4"],
    ["brackets and port of an IPv6 address", "fd00::1", { "x-forwarded-for": "[2001:DB8::1]:443" }, "2001:db8::1"],
    ["IPv4 in IPv6 is the IPv4 address", "::ffff:203.0.113.9", {}, "203.0.113.9"],
    ["also when it is a trusted proxy", "::ffff:10.0.0.1", { "x-real-ip": "1.2.3.4" }, "1.2.3.4"],
    ["a zone is dropped", "fe80::1%eth0", {}, "fe80::1"],
    ["no address", "", { "x-real-ip": "1.2.3.4" }, "unknown"],
  ])("%s", (_why, peer, headers, address) => {
    expect(resolve(peer, headers).address).toBe(address);
  });
});

describe("AU-03 who counts as being on this machine", () => {
  test.each<[string, string | undefined, Record<string, string>, boolean]>([
    ["IPv4", "127.0.0.1", {}, true],
    ["all of 127/8", "127.3.2.1", {}, true],
    ["IPv6", "::1", {}, true],
    ["IPv6 written out", "0:0:0:0:0:0:0:1", {}, true],
    ["IPv4 in IPv6", "::ffff:127.0.0.1", {}, true],
    ["another machine", "203.0.113.9", {}, false],
    ["a trusted proxy", "10.1.2.3", {}, false],
    ["forwarded through a proxy here", "127.0.0.1", { "x-forwarded-for": "198.51.100.1" }, false],
    ["forwarded with a forged loopback", "127.0.0.1", { "x-forwarded-for": "127.0.0.1" }, false],
    ["forwarded with an empty header", "127.0.0.1", { "x-forwarded-for": "" }, false],
    ["forwarded by the standard header", "127.0.0.1", { forwarded: "for=198.51.100.1" }, false],
    ["forwarded by a proxy that tells the host alone", "127.0.0.1", { "x-forwarded-host": "db.example.com" }, false],
    ["forwarded by a proxy that tells the scheme alone", "127.0.0.1", { "x-forwarded-proto": "https" }, false],
    ["forwarded by a cache", "127.0.0.1", { via: "1.1 cache" }, false],
    ["forwarded by a tunnel", "127.0.0.1", { "cf-connecting-ip": "198.51.100.1" }, false],
    ["a stranger claiming it", "203.0.113.9", { "x-real-ip": "127.0.0.1" }, false],
    ["no address", undefined, {}, false],
  ])("%s", (_why, peer, headers, isLoopback) => {
    expect(resolve(peer, headers).isLoopback).toBe(isLoopback);
  });
});

test.each<[string, string, Record<string, string>, boolean, boolean]>([
  ["TLS on the socket", "203.0.113.9", {}, true, true],
  ["plain", "203.0.113.9", {}, false, false],
  ["a trusted proxy says https", "10.1.2.3", { "x-forwarded-proto": "https" }, false, true],
  ["a stranger says https", "203.0.113.9", { "x-forwarded-proto": "https" }, false, false],
  ["the nearest proxy's word counts", "10.1.2.3", { "x-forwarded-proto": "https, http" }, false, false],
])("AU-02 https: %s", (_why, peer, headers, isTls, isHttps) => {
  expect(resolve(peer, headers, isTls).isHttps).toBe(isHttps);
});

test.each([
  ["IPv4 by address", "1.2.3.4", "1.2.3.4"],
  ["IPv6 by /64", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["two addresses of one /64 count together", "2001:db8:1:2::9", "2001:db8:1:2::/64"],
  ["a gap inside the first half", "2001:db8::1", "2001:db8:0:0::/64"],
  ["a gap at the start", "::1", "0:0:0:0::/64"],
  ["no address", "unknown", "unknown"],
])("AU-04 limits count %s", (_why, address, key) => {
  expect(rateLimitKey(address)).toBe(key);
});
