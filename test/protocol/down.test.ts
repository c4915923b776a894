import { describe, expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { seqOf } from "../../src/base/ids.ts";
import { closeFor, invalidMessage, NATIVE_CLOSE, nextAfterClose, PEER_CLOSE } from "../../src/protocol/close-codes.ts";
import { type Dialect, dialectOfUpgrade, withRequest } from "../../src/protocol/dialect.ts";
import {
  authErrorMessage,
  authSuccessMessage,
  errorMessage,
  expiredMessage,
  killedMessage,
  pongMessage,
  progressMessage,
  resetMessage,
  unsubscribedMessage,
} from "../../src/protocol/down.ts";
import { gunzip } from "../../src/protocol/gunzip.ts";
import { gzipFrame } from "../../src/protocol/gzip.ts";
import { parseJson } from "../../src/protocol/json.ts";
import { parseServerMessage } from "../../src/protocol/server-message.ts";
import { SEQ } from "./layout.ts";

const PEER: Dialect = { protocol: "peer", format: "msgpack", gzip: true, compression: "gzip", pages: true };
const NATIVE: Dialect = { ...PEER, protocol: "native", pages: false };

describe("messages without rows", () => {
  test("CL-02 auth_success has what its clients require and no more", () => {
    expect(authSuccessMessage({ user: "alice", role: "user" }, PEER)).toBe(
      '{"type":"auth_success","user":"alice","role":"user","protocol":{"serialization":"msgpack","compression":"gzip"}}',
    );
  });

  test("a native socket is told the version in force", () => {
    expect(parseServerMessage(parseJson(authSuccessMessage({ user: "a", role: "dba" }, NATIVE)))).toMatchObject({
      kind: "authSuccess",
      version: 2,
      format: "msgpack",
    });
  });

  test.each([
    ["TABLE_NOT_FOUND", "NOT_FOUND"],
    ["PERMISSION_DENIED", "UNAUTHORIZED"],
    ["SUBSCRIPTION_FAILED", "SUBSCRIPTION_FAILED"],
  ] as const)("CL-02 %s reads %s for peer clients and keeps its name for native ones", (code, peerCode) => {
    const error = new DbError(code, "text");
    expect(errorMessage("peer", "s", error)).toBe(
      `{"type":"error","subscription_id":"s","code":"${peerCode}","message":"text"}`,
    );
    expect(JSON.parse(errorMessage("native", "s", error)).code).toBe(code);
  });

  test("LQ-13 a killed subscription is told: an error for peer clients, its own message for native ones", () => {
    expect(JSON.parse(killedMessage("peer", "s", "gone"))).toEqual({
      type: "error",
      subscription_id: "s",
      code: "KILLED",
      message: "gone",
    });
    expect(parseServerMessage(JSON.parse(killedMessage("native", "s", "gone")))).toEqual({
      kind: "killed",
      id: "s",
      message: "gone",
    });
  });

  test.each([
    [resetMessage("s", "history"), { kind: "reset", id: "s", reason: "history" }],
    [unsubscribedMessage("s", false), { kind: "unsubscribed", id: "s", found: false }],
    [progressMessage(7, seqOf(SEQ)), { kind: "progress", channel: 7, seq: SEQ }],
    [expiredMessage("t"), { kind: "expired", message: "t" }],
    [pongMessage(), { kind: "pong" }],
    [authErrorMessage("TOKEN_EXPIRED", "t"), { kind: "authError", code: "TOKEN_EXPIRED", message: "t" }],
  ])("%s is understood by the client", (text, expected) => {
    expect<unknown>(parseServerMessage(parseJson(text))).toEqual(expected);
  });

  test("a client ignores a type it does not know and refuses a broken one it does", () => {
    expect(parseServerMessage({ type: "news" })).toBeUndefined();
    expect(parseServerMessage({ type: "toString" })).toBeUndefined();
    expect(() => parseServerMessage({ type: "changes", channel: 1, seq: "x", changes: [] })).toThrow(
      expect.objectContaining({ code: "PROTOCOL_ERROR" }),
    );
  });
});

describe("negotiation", () => {
  test.each([
    ["nothing asked", "", false, { protocol: "peer", format: "json", gzip: true, compression: "gzip", pages: false }],
    ["header auth pages", "", true, { protocol: "peer", format: "json", gzip: true, compression: "gzip", pages: true }],
    [
      "msgpack counts with header auth",
      "serialization=msgpack&compression=none",
      true,
      { format: "msgpack", compression: "none", gzip: true },
    ],
    ["and not without", "serialization=msgpack&compression=none", false, { format: "json", compression: "gzip" }],
    ["compress=false in any case", "Compress=FALSE", false, { gzip: false }],
    ["native never pages", "protocol=kalam.v2", true, { protocol: "native", pages: false }],
    ["unknown values are ignored", "protocol=kalam.v9&x=1", true, { protocol: "peer" }],
  ])("CL-02 the upgrade: %s", (_why, query, hasToken, expected) => {
    expect(dialectOfUpgrade(new URLSearchParams(query), hasToken)).toMatchObject(expected);
  });

  test("the first message may raise a socket to native but not lower it", () => {
    const request = { version: 1, format: "json", compression: "none" } as const;
    expect(withRequest(PEER, { ...request, version: 2 })).toMatchObject({
      protocol: "native",
      pages: false,
      format: "json",
    });
    expect(withRequest(NATIVE, request)).toMatchObject({ protocol: "native", compression: "none" });
  });
});

describe("close codes", () => {
  test.each([
    ["LQ-14 expired: fresh token", 4001, "Token expired", "reauthenticate"],
    ["LQ-13 killed: stay away", 4002, "Connection killed", "stop"],
    ["LQ-12 slow consumer: resume", 4003, "", "reconnect"],
    ["killed, as peer sockets hear it", 1008, "Connection killed", "stop"],
    ["too slow to authenticate", 1008, "Authentication timeout", "reconnect"],
    ["server restarts", 1001, "Server shutting down", "reconnect"],
    ["no close frame at all", 1006, "", "reconnect"],
    ["a message too big would be again", 1009, "", "stop"],
  ])("%s", (_why, code, reason, next) => {
    expect<string>(nextAfterClose(code, reason)).toBe(next);
  });

  test("native sockets get application codes, peer sockets those their clients know", () => {
    expect(closeFor("killed", "native")).toBe(NATIVE_CLOSE.killed);
    expect(closeFor("killed", "peer")).toBe(PEER_CLOSE.killed);
    expect(Object.values(PEER_CLOSE).every(({ code }) => code === 1008 || code === 1001)).toBe(true);
  });

  test("the reason fits a close frame whatever the text", () => {
    const { code, reason } = invalidMessage("🦜".repeat(100));
    expect(code).toBe(1011);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(reason.isWellFormed()).toBe(true);
  });
});

describe("gzip", () => {
  test("CL-02 a large JSON text becomes a binary frame that the client unpacks", async () => {
    const text = JSON.stringify({ rows: Array(100).fill("the same text") });
    const frame = gzipFrame(text);
    expect(frame).toBeInstanceOf(Uint8Array);
    if (typeof frame !== "string") expect(new TextDecoder().decode(await gunzip(frame))).toBe(text);
  });

  test.each([
    ["shorter than 512 bytes", "x".repeat(511)],
    ["so large that packing it would hold the loop", "x".repeat(1024 * 1024 + 1)],
    ["large once it is encoded", "é".repeat(600_000)],
    ["not smaller when packed", crypto.getRandomValues(new Uint8Array(600))],
  ])("a frame stays as it is when it is %s", (_why, frame) => {
    expect(gzipFrame(frame)).toBe(frame);
  });
});
