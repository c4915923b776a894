import { expect, test } from "bun:test";
import { seqOf } from "../../src/base/ids.ts";
import type { Entry } from "../../src/live/delivery.ts";
import { GroupEncoders } from "../../src/live/encoder.ts";
import { chatTable, everything, livePlan } from "./support/chat-table.ts";
import { dialect } from "./support/harness.ts";

const entry = (seq: number, key: number, matches: boolean): Entry => ({
  version: { seq: seqOf(BigInt(seq)), deleted: !matches, cells: [BigInt(key), "a", seq] },
  matches,
});

test("LQ-11 a native page says of each key only what became of it, in `_seq` order", () => {
  const options = { dialect: dialect("native"), channel: 7, epoch: "e" };
  const encoder = new GroupEncoders().of(livePlan(chatTable(), everything), options);
  const entries = [
    entry(1, 1, true),
    entry(2, 2, false),
    entry(3, 3, true),
    entry(4, 1, true),
    entry(5, 2, true),
    entry(6, 3, false),
  ];
  const [frame] = encoder.batch("s", { entries, batch: 0, more: false, through: seqOf(6n) });
  expect(JSON.parse(String(frame))).toEqual({
    type: "snapshot",
    subscription_id: "s",
    page: 0,
    rows: [
      ["1", "a", 4, "4", false],
      ["2", "a", 5, "5", false],
    ],
    deleted: [["3"]],
    ready: true,
    seq: "6",
  });
});
