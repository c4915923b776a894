// Question: what does one committed row cost to encode, once for a group, and then again for each subscriber of the peer protocol?
// Run: bun bench/frame-encode.bench.ts
// A native frame is encoded once whatever the audience; a peer frame is encoded once and spliced for each subscription id. Sending is not included.
import { bench, do_not_optimize, group } from "mitata";
import type { WireFormat } from "../src/protocol/frame.ts";
import { createNativeEncoder, type RowChange } from "../src/protocol/native-encoder.ts";
import { createPeerEncoder } from "../src/protocol/peer-encoder.ts";
import { layout } from "../test/protocol/layout.ts";
import { runBenchmarks } from "./micro.ts";
import { MESSAGES, messageRow } from "./sample.ts";

const FORMATS: readonly WireFormat[] = ["json", "msgpack"];
const ROWS_PER_COMMIT = [1, 16] as const;
const SUBSCRIBERS = [1, 100, 1_000] as const;
const WHOLE_ROW = layout(MESSAGES);

for (const format of FORMATS) {
  group(`native frame, ${format}`, () => {
    const encoder = createNativeEncoder(format, WHOLE_ROW);
    for (const rows of ROWS_PER_COMMIT) {
      const changes = Array.from(
        { length: rows },
        (_, index): RowChange => ({ kind: "insert", after: messageRow(index) }),
      );
      bench(`${rows} inserted rows`, () => do_not_optimize(encoder.changes(7, messageRow(rows).seq, changes)));
    }
  });
  group(`peer frame, ${format}`, () => {
    const encoder = createPeerEncoder(format, WHOLE_ROW);
    const before = messageRow(1);
    const after = messageRow(2);
    bench("insert, without ids", () => do_not_optimize(encoder.insert(after)));
    bench("update, without ids", () => do_not_optimize(encoder.update(before, after)));
    const frame = encoder.insert(after);
    for (const subscribers of SUBSCRIBERS) {
      const ids = Array.from({ length: subscribers }, (_, index) => `subscription-${index}`);
      bench(`splice for ${subscribers} subscribers`, () => {
        for (const id of ids) do_not_optimize(frame.withId(id));
      });
    }
  });
}

await runBenchmarks();
