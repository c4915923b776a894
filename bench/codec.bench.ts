// Question: what do reading a request and writing an answer cost, and what is the price of exact 64-bit integers?
// Run: bun bench/codec.bench.ts
// The request is an INSERT with three parameters. "exact" carries one integer above 2^53, which takes the slower way through the parser.
import { bench, do_not_optimize, group } from "mitata";
import { rowsToJson } from "../src/engine/reads.ts";
import { decodeSqlRequest, encodeSuccess } from "../src/protocol/http.ts";
import { parseJson } from "../src/protocol/json.ts";
import { createMsgpack, FRAME_LIMITS } from "../src/protocol/msgpack.ts";
import { layout } from "../test/protocol/layout.ts";
import { runBenchmarks } from "./micro.ts";
import { MESSAGES, messageRow } from "./sample.ts";

const [, room, body] = messageRow(0).cells;
const bodyOf = (id: string): string =>
  `{"sql":"INSERT INTO chat.messages (id, room, body) VALUES ($1, $2, $3)","params":[${id},${JSON.stringify(room)},${JSON.stringify(body)}]}`;
const REQUESTS = { safe: bodyOf("4711"), exact: bodyOf("327500846641356801") } as const;
const ROWS = [1, 100] as const;

group("JSON", () => {
  bench("JSON.parse, for comparison", () => do_not_optimize(JSON.parse(REQUESTS.safe)));
  for (const [name, text] of Object.entries(REQUESTS))
    bench(`lossless parse, ${name}`, () => do_not_optimize(parseJson(text)));
});

group("MessagePack", () => {
  const codec = createMsgpack(FRAME_LIMITS);
  const message = { type: "subscribe", subscription: { id: "s1", sql: "SELECT * FROM chat.messages", params: [4711] } };
  const bytes = codec.encode(message);
  bench("encode a subscribe", () => do_not_optimize(codec.encode(message)));
  bench("decode a subscribe", () => do_not_optimize(codec.decode(bytes)));
});

group("SQL request", () => {
  for (const [name, text] of Object.entries(REQUESTS))
    bench(`decode, ${name}`, () => do_not_optimize(decodeSqlRequest(text)));
});

group("SQL response", () => {
  const schema = layout(MESSAGES, ["id", "room", "body"]).output;
  bench("encode, one insert", () =>
    do_not_optimize(
      encodeSuccess([{ rowCount: 1, message: "Inserted 1 row(s)", asUser: "root", seq: "327500846641356801" }], 0.321),
    ),
  );
  for (const count of ROWS) {
    const rows = Array.from({ length: count }, (_, index) => messageRow(index).cells);
    bench(`encode, ${count} selected rows`, () => {
      const rowsJson = rowsToJson({ output: schema }, rows);
      do_not_optimize(encodeSuccess([{ schema, rowsJson, rowCount: count, asUser: "root" }], 0.321));
    });
  }
});

await runBenchmarks();
