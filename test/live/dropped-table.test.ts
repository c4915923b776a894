import { expect, test } from "bun:test";
import { chatTable, everything } from "./support/chat-table.ts";
import { messages, started } from "./support/harness.ts";

const table = chatTable("shared");
const shared = chatTable("shared", 2);

test.each([
  ["native", "TABLE_NOT_FOUND"],
  ["paging", "NOT_FOUND"],
] as const)(
  "L9 LQ-15 who subscribed by %s in the very turn in which the table was dropped is told so: %s",
  (protocol, code) => {
    const harness = started();
    const { id, socket } = harness.connect(protocol);
    harness.subscribe(id, { id: "s", table, query: everything });
    const other = harness.connect("native");
    harness.subscribe(other.id, { id: "o", table: shared, query: everything });
    messages(socket);
    harness.live.tableDropped(table);
    expect(messages(socket)).toMatchObject([
      { type: "error", code, message: expect.stringContaining("Table not found: chat.shared_messages") },
    ]);
    expect(harness.live.counters().groups).toBe(1);
  },
);
