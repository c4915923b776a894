import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seqOf } from "../../src/base/ids.ts";
import { BIGINT, type Cell, JSON_TYPE, type SqlType, TEXT, TIMESTAMP } from "../../src/model/sql-type.ts";
import type { Spliced, WireFormat } from "../../src/protocol/frame.ts";
import { parseJson } from "../../src/protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../../src/protocol/msgpack.ts";
import { createPeerEncoder } from "../../src/protocol/peer-encoder.ts";
import { tombstone } from "../../src/protocol/row-layout.ts";
import { layout, MESSAGES, SEQ, table, version } from "./layout.ts";

const codec = createMsgpack(FRAME_LIMITS);

function decode(message: Spliced, id: string): unknown {
  const frame = message.withId(id);
  return typeof frame === "string" ? parseJson(frame) : codec.decode(frame);
}

const READY = { batchNum: 0, hasMore: false, lastSeq: seqOf(SEQ) };

describe("CL-02 peer messages in JSON, byte for byte as its clients know them", () => {
  const encoder = createPeerEncoder("json", layout(MESSAGES));

  test("ack", () => {
    expect(encoder.ack(READY).withId("sub-1")).toBe(
      '{"type":"subscription_ack","subscription_id":"sub-1","total_rows":0,' +
        `"batch_control":{"batch_num":0,"has_more":false,"status":"ready","last_seq_id":${SEQ}},` +
        '"schema":[{"name":"id","data_type":"BigInt","index":0,"flags":["pk","nn","uq"]},{"name":"body","data_type":"Text","index":1},' +
        '{"name":"_seq","data_type":"BigInt","index":2,"flags":["nn"]},{"name":"_deleted","data_type":"Boolean","index":3,"flags":["nn"]}]}',
    );
  });

  test("batch", () => {
    expect(encoder.batch([version(SEQ, 1n, "hi")], READY).withId("sub-1")).toBe(
      `{"type":"initial_data_batch","subscription_id":"sub-1","rows":[{"id":"1","body":"hi","_seq":"${SEQ}","_deleted":false}],` +
        `"batch_control":{"batch_num":0,"has_more":false,"status":"ready","last_seq_id":${SEQ}}}`,
    );
  });

  test("insert", () => {
    expect(encoder.insert(version(SEQ, 3n, null)).withId("sub-1")).toBe(
      `{"type":"change","subscription_id":"sub-1","change_type":"insert","rows":[{"id":"3","body":null,"_seq":"${SEQ}","_deleted":false}]}`,
    );
  });

  test("LQ-10 update: every column of the new row, the changed ones of the old", () => {
    expect(encoder.update(version(5n, 3n, "new"), version(6n, 3n, null)).withId("sub-1")).toBe(
      '{"type":"change","subscription_id":"sub-1","change_type":"update",' +
        '"rows":[{"id":"3","body":null,"_seq":"6"}],"old_values":[{"body":"new","id":"3","_seq":"5"}]}',
    );
  });

  test("an update that changes no projected column still names key and position of the old row", () => {
    expect(decode(encoder.update(version(5n, 3n, "a"), version(6n, 3n, "a")), "x")).toMatchObject({
      old_values: [{ id: "3", _seq: "5" }],
    });
  });

  test("LQ-10 delete: the old row under the position that ended it", () => {
    expect(encoder.delete(version(5n, 3n, "edited"), seqOf(9n)).withId("sub-1")).toBe(
      '{"type":"change","subscription_id":"sub-1","change_type":"delete",' +
        '"old_values":[{"id":"3","body":"edited","_seq":"9","_deleted":true}]}',
    );
  });
});

test.each([
  ["loading", { batchNum: 0, hasMore: true, lastSeq: undefined }],
  ["loading_batch", { batchNum: 1, hasMore: true, lastSeq: undefined }],
  ["ready", { batchNum: 1, hasMore: false, lastSeq: undefined }],
] as const)("LQ-06 the status of a batch is %s exactly when it should be", (status, control) => {
  const encoder = createPeerEncoder("json", layout(MESSAGES));
  expect(decode(encoder.ack(control), "s")).toMatchObject({ batch_control: { status, last_seq_id: null } });
});

test("with a column list rows carry those columns and their position; changes name the key as well", () => {
  const encoder = createPeerEncoder("json", layout(MESSAGES, ["body"]));
  expect(decode(encoder.insert(version(5n, 3n, "a")), "s")).toMatchObject({ rows: [{ body: "a", _seq: "5" }] });
  expect(decode(encoder.update(version(5n, 3n, "a"), version(6n, 3n, "b")), "s")).toMatchObject({
    rows: [{ body: "b", id: "3", _seq: "6" }],
    old_values: [{ body: "a", id: "3", _seq: "5" }],
  });
  expect(decode(encoder.delete(version(5n, 3n, "a"), seqOf(7n)), "s")).toMatchObject({
    old_values: [{ body: "a", id: "3", _seq: "7", _deleted: true }],
  });
});

test("MessagePack carries positions as uint64, temporals as integers and bytes as a list", () => {
  const schema = table([
    ["id", BIGINT],
    ["at", TIMESTAMP],
    ["raw", { kind: "bytes" }],
  ]);
  const encoder = createPeerEncoder("msgpack", layout(schema));
  const frame = encoder.batch([version(SEQ, 1n, 1767225600000000n, Uint8Array.of(222, 173))], READY).withId("s");
  const hex = frame instanceof Uint8Array ? frame.toHex() : "";
  expect(hex).toStartWith(`84${codec.encode("type").toHex()}`);
  expect(hex).toContain(`${codec.encode("last_seq_id").toHex()}cf${SEQ.toString(16).padStart(16, "0")}`);
  expect(hex).toContain(`${codec.encode("at").toHex()}cf${1767225600000000n.toString(16).padStart(16, "0")}`);
  expect(hex).toContain(`${codec.encode("raw").toHex()}92ccdeccad`);
});

test("both notations say the same, and splicing an id equals encoding it", () => {
  const types: readonly (readonly [SqlType, fc.Arbitrary<Cell>])[] = [
    [TEXT, fc.string({ unit: "binary" })],
    [JSON_TYPE, fc.json()],
    [{ kind: "bytes" }, fc.uint8Array()],
    // Without a type beside it, a JSON integer past 2^53 reads as a bigint.
    [{ kind: "double" }, fc.double({ noNaN: true, noInteger: true })],
    [{ kind: "decimal", precision: 38, scale: 4 }, fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n })],
    [TIMESTAMP, fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n })],
    [{ kind: "boolean" }, fc.boolean()],
  ];
  const schema = table([["id", BIGINT], ...types.map(([type], index) => [`c${index}`, type] as const)]);
  const cells = fc.tuple(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    ...types.map(([, cell]) => fc.option(cell)),
  );
  const encoders = (["json", "msgpack"] as const satisfies readonly WireFormat[]).map((format) =>
    createPeerEncoder(format, layout(schema)),
  );
  const bigSeq = fc.bigInt({ min: 1n, max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(cells, cells, bigSeq, bigSeq, fc.string({ unit: "grapheme" }), (before, after, oldSeq, newSeq, id) => {
      const [oldRow, newRow] = [version(oldSeq, ...before), version(newSeq, ...after)];
      const [json, packed] = encoders.map((encoder) => [
        decode(encoder.batch([oldRow, newRow], { batchNum: 1, hasMore: true, lastSeq: newRow.seq }), id),
        decode(encoder.insert(newRow), id),
        decode(encoder.update(oldRow, newRow), id),
        decode(encoder.delete(oldRow, newRow.seq), id),
      ]);
      expect(packed).toEqual(json);
      expect(json?.every((message) => Reflect.get(Object(message), "subscription_id") === id)).toBe(true);
    }),
  );
});

test("a tombstone keeps the cells and takes the new position", () => {
  expect(tombstone(version(5n, 3n, "a"), seqOf(8n))).toEqual({ seq: seqOf(8n), deleted: true, cells: [3n, "a"] });
});
