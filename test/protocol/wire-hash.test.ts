// A changed message without a new version fails here. The hash covers one example of every message in both notations; after a change on
// purpose, raise NATIVE_VERSION and add a row.
import { expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { seqOf } from "../../src/base/ids.ts";
import {
  authenticateValue,
  nextBatchValue,
  pingValue,
  subscribeValue,
  unsubscribeValue,
} from "../../src/protocol/client-message.ts";
import { type Dialect, NATIVE_VERSION } from "../../src/protocol/dialect.ts";
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
import type { Frame, WireFormat } from "../../src/protocol/frame.ts";
import { toJson } from "../../src/protocol/json.ts";
import { createNativeEncoder } from "../../src/protocol/native-encoder.ts";
import { createPeerEncoder } from "../../src/protocol/peer-encoder.ts";
import { layout, MESSAGES, SEQ, version } from "./layout.ts";

const HASH_BY_VERSION: Readonly<Record<number, string>> = {
  2: "3a7874365d597091",
};

const NATIVE: Dialect = { protocol: "native", format: "json", gzip: false, compression: "none", pages: false };

function upExamples(): readonly Frame[] {
  const options = { batchSize: 10, lastRows: 5, from: SEQ, epoch: "e" };
  return [
    authenticateValue("t", { version: 2, format: "msgpack", compression: "gzip" }),
    authenticateValue("t", { version: 1, format: "json", compression: "none" }),
    subscribeValue({ id: "s", sql: "q", params: [1, "x", null], namespaceId: "n", options }),
    subscribeValue({ id: "s", sql: "q" }),
    nextBatchValue("s", SEQ),
    unsubscribeValue("s"),
    pingValue(),
  ].map(toJson);
}

function textExamples(): readonly Frame[] {
  const error = new DbError("TABLE_NOT_FOUND", "m", { position: 1, hint: "h" });
  return [
    authSuccessMessage({ user: "u", role: "user" }, NATIVE),
    authSuccessMessage({ user: "u", role: "user" }, { ...NATIVE, protocol: "peer" }),
    authErrorMessage("INVALID_CREDENTIALS", "m"),
    errorMessage("native", "s", error),
    errorMessage("peer", "s", error),
    killedMessage("native", "s", "m"),
    killedMessage("peer", "s", "m"),
    resetMessage("s", "history"),
    unsubscribedMessage("s", true),
    progressMessage(7, seqOf(SEQ)),
    expiredMessage("m"),
    pongMessage(),
  ];
}

function rowExamples(format: WireFormat): readonly Frame[] {
  const [before, after] = [version(5n, 1n, "a"), version(SEQ, 1n, null)];
  return [layout(MESSAGES), layout(MESSAGES, ["body"])].flatMap((rows) => {
    const peer = createPeerEncoder(format, rows);
    const native = createNativeEncoder(format, rows);
    const control = { batchNum: 0, hasMore: true, lastSeq: after.seq };
    const changes = [
      { kind: "insert", after },
      { kind: "update", before, after },
      { kind: "delete", before, seq: after.seq },
    ] as const;
    const addressed = [
      peer.ack(control),
      peer.batch([before, after], control),
      peer.insert(after),
      peer.update(before, after),
      peer.delete(before, after.seq),
      native.ack({ channel: 7, epoch: "e", resumed: true }),
      native.snapshot({ page: 0, rows: [before], deletedKeys: [2n] }),
      native.snapshot({ page: 1, rows: [], readyAt: after.seq }),
      native.changesFor(after.seq, changes),
    ];
    return [
      ...addressed.map((message) => message.withId("s")),
      native.changes(7, after.seq, changes),
      native.schema(7),
    ];
  });
}

test("the wire is the one its version stands for", () => {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const frame of [...upExamples(), ...textExamples(), ...rowExamples("json"), ...rowExamples("msgpack")]) {
    hasher.update(frame).update("\n");
  }
  expect(hasher.digest("hex").slice(0, 16)).toBe(HASH_BY_VERSION[NATIVE_VERSION] ?? "no hash for this version");
});
