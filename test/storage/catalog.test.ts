import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import { parseName, parseUserId, SHARED_SCOPE, seqOf, tableIdOf } from "../../src/base/ids.ts";
import type { Column, TableSchema } from "../../src/model/schema.ts";
import { BIGINT, type Cell, type ColumnKind, DOUBLE, type SqlType, TEXT } from "../../src/model/sql-type.ts";
import { COLUMN_TYPES, isColumnKind } from "../../src/model/types.ts";
import type { User } from "../../src/model/user.ts";
import { MAX_JOBS } from "../../src/storage/catalog/catalog-transaction.ts";
import { decodeTable, encodeTable } from "../../src/storage/catalog/table-definition.ts";
import type { Segment } from "../../src/storage/seams.ts";
import { jobRecord } from "./job-record.ts";
import { ALICE, BOB, CHAT, createTable, definition, failureOf, openTestStore, write } from "./open-test-store.ts";
import { userRecord } from "./user-record.ts";

const USER = userRecord("alice", {
  passwordHash: "$argon2id$…",
  updatedAtMs: 2,
  tokensValidFromMs: 3,
  storageId: "far",
  storageMode: "region",
});

function segment(table: TableSchema, overrides: Partial<Segment> = {}): Omit<Segment, "id"> {
  return {
    tableId: table.id,
    scope: ALICE,
    path: "chat/messages-1/alice/segment-1.parquet",
    schemaVersion: 1,
    rows: 1,
    bytes: 10,
    minSeq: seqOf(1n),
    maxSeq: seqOf(2n),
    minKey: 1n,
    maxKey: 1n,
    createdAtMs: 5,
    ...overrides,
  };
}

const coded = (code: string, message: string) => expect.objectContaining({ code, message });

describe("namespaces and tables", () => {
  test("TB-01 a table in a missing namespace is refused with what to do about it", async () => {
    await using store = openTestStore();
    expect(await failureOf(store.current.writer.submit((tx) => tx.createTable(definition("messages"))))).toEqual(
      coded("NAMESPACE_NOT_FOUND", "Namespace 'chat' does not exist. Create it first with CREATE NAMESPACE chat"),
    );
  });

  test("TB-01 the namespace is checked in the transaction that creates the table: dropped earlier in the same turn, it is missing", async () => {
    await using store = openTestStore();
    const { writer, catalog } = store.current;
    await writer.submit((tx) => tx.createNamespace(CHAT));
    const dropped = writer.submit((tx) => tx.dropNamespace(CHAT));
    const created = writer.submit((tx) => tx.createTable(definition("messages")));
    expect(await failureOf(created)).toEqual(expect.objectContaining({ code: "NAMESPACE_NOT_FOUND" }));
    await dropped;
    expect(catalog.namespaces()).toEqual([]);
  });

  test("names that are taken, or are not there, are told apart", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const other = parseName("other");
    expect(await failureOf(writer.submit((tx) => tx.createNamespace(CHAT)))).toEqual(
      coded("ALREADY_EXISTS", "Namespace 'chat' already exists"),
    );
    expect(await failureOf(writer.submit((tx) => tx.createTable(definition("messages"))))).toEqual(
      coded("ALREADY_EXISTS", "Table chat.messages already exists"),
    );
    expect(await failureOf(writer.submit((tx) => tx.dropNamespace(other)))).toEqual(
      coded("NAMESPACE_NOT_FOUND", "Namespace 'other' does not exist"),
    );
    await writer.submit((tx) => tx.dropTable(table));
    expect(await failureOf(writer.submit((tx) => tx.dropTable(table)))).toEqual(
      coded("TABLE_NOT_FOUND", "Table 'messages' not found in namespace 'chat'"),
    );
  });

  test("dropping a namespace drops its tables with their rows and segments, and nobody else's", async () => {
    await using store = openTestStore();
    const { writer, catalog } = store.current;
    const table = await createTable(store.current, "messages");
    const spared = await writer.submit((tx) => {
      tx.createNamespace(parseName("other"));
      return tx.createTable(definition("messages", "user", parseName("other")));
    });
    await writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [1n, "x"] });
      write(tx, { table: spared.value, scope: ALICE, cells: [1n, "x"] });
      tx.commitSegment(segment(table, { scope: BOB }));
    });
    await writer.submit((tx) => tx.dropNamespace(CHAT));
    expect(catalog.tables()).toEqual([spared.value]);
    expect(catalog.allSegments()).toEqual([]);
    expect([writer.bufferedRows(table.id), writer.bufferedRows(spared.value.id)]).toEqual([0, 1]);
    const reopened = await store.reopen();
    expect(reopened.catalog.tables()).toEqual([spared.value]);
    await reopened.trimmed();
    expect(reopened.reader.all("SELECT count(*) FROM segments", [])).toEqual([[0]]);
    expect(
      reopened.reader.all("SELECT name FROM sqlite_schema WHERE name LIKE 'hot_%' AND type = 'table'", []),
    ).toEqual([[`hot_${spared.value.id}`]]);
  });

  test("a table made again under the same name has a new id and no rows, also after a restart", async () => {
    await using store = openTestStore();
    const first = await createTable(store.current, "messages");
    await store.current.writer.submit((tx) => write(tx, { table: first, scope: ALICE, cells: [1n, "x"] }));
    await store.current.writer.submit((tx) => tx.dropTable(first));
    await store.reopen();
    const second = await createTable(store.current, "messages");
    expect(second.id).toBeGreaterThan(first.id);
    expect(store.current.reader.get(second, ALICE, 1n)).toBeUndefined();
  });

  test("the version grows with each change of tables, never with anything else, and no version is given twice", async () => {
    await using store = openTestStore();
    const { writer, catalog } = store.current;
    const seen: number[] = [catalog.version];
    const rolledBack = writer.submit((tx) => {
      tx.createNamespace(CHAT);
      seen.push(tx.catalog.version);
      throw new Error("boom");
    });
    expect(String(await failureOf(rolledBack))).toContain("boom");
    expect(catalog.version).toBe(seen[0] ?? Number.NaN);
    const table = await createTable(store.current, "messages");
    seen.push(catalog.version);
    await writer.submit((tx) => {
      tx.putUser(USER);
      tx.putJob(jobRecord("FL-1"));
      tx.commitSegment(segment(table));
    });
    expect(catalog.version).toBe(seen[2] ?? Number.NaN);
    await writer.submit((tx) => tx.dropTable(table));
    seen.push(catalog.version);
    expect(seen).toEqual([...new Set(seen)].sort((a, b) => a - b));
  });

  test("commit events say whether tables changed", async () => {
    await using store = openTestStore();
    const flags: boolean[] = [];
    store.current.writer.onCommit(({ catalogChanged }) => flags.push(catalogChanged));
    await createTable(store.current, "messages");
    await store.current.writer.submit((tx) => tx.putUser(USER));
    expect(flags).toEqual([true, false]);
  });
});

describe("what a restart brings back", () => {
  test("users, jobs, segments and tables read back as they were put", async () => {
    await using store = openTestStore();
    const { writer } = store.current;
    const table = await createTable(store.current, "messages");
    const shared = await createTable(store.current, "rooms", "shared");
    const locked: User = {
      ...USER,
      id: parseUserId("Ünïcode user"),
      role: "dba",
      email: "a@b",
      lockedUntilMs: 9,
      deletedAtMs: 8,
    };
    const running = jobRecord("FL-2", {
      status: "running",
      createdAtMs: 2,
      startedAtMs: 3,
      memoryUsed: 2 ** 40,
      cpuUsed: 7,
      trace: "t",
    });
    const { value: segments } = await writer.submit((tx) => {
      tx.putUser(USER);
      tx.putUser(locked);
      tx.putUser({ ...USER, failedLogins: 3 });
      tx.putJob(jobRecord("FL-1"));
      tx.putJob(running);
      return [
        tx.commitSegment(segment(table, { minKey: 5, maxKey: 2n ** 60n, maxSeq: seqOf(2n ** 62n) })),
        tx.commitSegment(segment(shared, { scope: SHARED_SCOPE, path: "b", minKey: "a", maxKey: "z" })),
      ];
    });
    const { catalog } = await store.reopen();
    expect(catalog.users()).toEqual([{ ...USER, failedLogins: 3 }, locked]);
    expect(catalog.jobs()).toEqual([running, jobRecord("FL-1")]);
    expect(catalog.segments(table.id, ALICE)).toEqual(segments.slice(0, 1));
    expect(catalog.allSegments()).toEqual(segments);
    expect(catalog.tables()).toEqual([table, shared]);
    expect(catalog.namespaces().map(({ name }) => String(name))).toEqual(["chat"]);
  });

  test.each<[string, SqlType, Cell]>([
    ["a 64-bit integer that no JSON number holds", BIGINT, -(2n ** 63n)],
    ["bytes", { kind: "bytes" }, new Uint8Array([0, 255, 16])],
    ["no bytes", { kind: "bytes" }, new Uint8Array()],
    ["infinity, which JSON writes as null", DOUBLE, Number.NEGATIVE_INFINITY],
    ["negative zero, whose sign JSON drops", DOUBLE, -0],
    ["text that looks like a tag", TEXT, '{"int":"1"}'],
    ["an exact decimal", { kind: "decimal", precision: 38, scale: 2 }, 10n ** 37n],
    ["NULL", TEXT, null],
  ])("TB-09 a column's default survives as JSON: %s", (_why, type, value) => {
    const column: Column = { id: 1, name: parseName("c"), type, nullable: true, default: { kind: "literal", value } };
    const schema: TableSchema = {
      ...definition("t"),
      id: tableIdOf(1),
      version: 3,
      columns: [
        column,
        { ...column, id: 2, default: { kind: "function", name: "NOW" } },
        { ...column, id: 4, default: undefined },
      ],
      options: { storageId: "s3", flushPolicy: { rows: 10, intervalSeconds: undefined }, accessLevel: "public" },
      createdAtMs: 1,
      updatedAtMs: 2,
    };
    expect(decodeTable(encodeTable(schema))).toEqual(schema);
  });

  const typeOf = (kind: ColumnKind): SqlType => {
    if (kind === "decimal") return { kind, precision: 10, scale: 2 };
    return kind === "embedding" ? { kind, dimensions: 3 } : { kind };
  };

  test("every type of the type table survives in a definition", () => {
    for (const kind of Object.keys(COLUMN_TYPES).filter(isColumnKind)) {
      const type = typeOf(kind);
      const columns = [{ id: 1, name: parseName("c"), type, nullable: false, default: undefined }];
      const schema: TableSchema = {
        ...definition("t"),
        id: tableIdOf(1),
        version: 1,
        columns,
        createdAtMs: 1,
        updatedAtMs: 1,
      };
      expect(decodeTable(encodeTable(schema))).toEqual(schema);
    }
  });

  test.each([
    ["text that is not JSON", "{"],
    ["a list", "[]"],
    [
      "an unknown type",
      '{"id":1,"namespace":"a","name":"b","columns":[{"id":1,"name":"c","type":{"kind":"money"},"nullable":true}],"keyIndex":0}',
    ],
    ["a key that is not there", '{"id":1,"namespace":"a","name":"b","columns":[],"keyIndex":0}'],
    [
      "a name that would not be accepted",
      '{"id":1,"namespace":"a","name":"b","columns":[{"id":1,"name":"C D","type":{"kind":"text"},"nullable":true}],"keyIndex":0}',
    ],
  ])("a damaged definition is refused: %s", (_why, text) => {
    expect(() => decodeTable(text)).toThrow(expect.objectContaining({ name: "DbError" }));
  });

  test.each([
    ["a role that does not exist", "UPDATE users SET role = 'emperor'"],
    ["a table without its definition", "DELETE FROM table_versions"],
    ["a definition of another table", "UPDATE tables SET name = 'other'"],
    ["a user id that could leave its folder", "UPDATE users SET id = '../etc'"],
    ["a job in an unknown state", "UPDATE jobs SET status = 'odd'"],
  ])("a damaged catalog stops the start and names the row: %s", async (_why, damage) => {
    await using store = openTestStore();
    await createTable(store.current, "messages");
    await store.current.writer.submit((tx) => {
      tx.putUser(USER);
      tx.putJob(jobRecord("FL-1"));
    });
    const { path } = store.current;
    await store.current.close();
    using db = new Database(path);
    db.run(damage);
    expect(await failureOf(store.reopen())).toEqual(
      expect.objectContaining({ code: "STORAGE_ERROR", message: expect.stringContaining("The catalog is damaged") }),
    );
  });
});

describe("segments and jobs", () => {
  test("ST-02 a segment and the removal of its rows are one commit; newer rows and other users' rows stay", async () => {
    await using store = openTestStore();
    const { writer, reader, catalog } = store.current;
    const table = await createTable(store.current, "messages");
    const { value: flushed } = await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "old"] }));
    await writer.submit((tx) => {
      write(tx, { table, scope: ALICE, cells: [2n, "new"] });
      write(tx, { table, scope: BOB, cells: [1n, "bob"] });
    });
    expect(catalog.segmentsVersion(table.id, ALICE)).toBe(0);
    await writer.submit((tx) => tx.commitSegment(segment(table, { maxSeq: flushed.seq })));
    expect(reader.get(table, ALICE, 1n)).toBeUndefined();
    expect(reader.get(table, ALICE, 2n)?.cells).toEqual([2n, "new"]);
    expect(reader.get(table, BOB, 1n)?.cells).toEqual([1n, "bob"]);
    expect(catalog.segments(table.id, ALICE)).toHaveLength(1);
    expect(writer.bufferedRows(table.id)).toBe(2);
    const version = catalog.segmentsVersion(table.id, ALICE);
    const newer = seqOf(flushed.seq + 1n);
    await writer.submit((tx) => tx.commitSegment(segment(table, { path: "b", minSeq: newer, maxSeq: newer })));
    expect(catalog.segmentsVersion(table.id, ALICE)).toBeGreaterThan(version);
    expect(catalog.segmentsVersion(table.id, BOB)).toBe(0);
  });

  test("ST-03 a row rewritten while its old version was being flushed keeps its new version in the buffer", async () => {
    await using store = openTestStore();
    const { writer, reader } = store.current;
    const table = await createTable(store.current, "messages");
    const { value: old } = await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "old"] }));
    await writer.submit((tx) => write(tx, { table, scope: ALICE, cells: [1n, "new"] }));
    await writer.submit((tx) => tx.commitSegment(segment(table, { maxSeq: old.seq })));
    expect(reader.get(table, ALICE, 1n)?.cells).toEqual([1n, "new"]);
    expect(writer.bufferedRows(table.id)).toBe(1);
  });

  test("a segment of a table dropped in the meantime is refused: its file is an orphan", async () => {
    await using store = openTestStore();
    const table = await createTable(store.current, "messages");
    await store.current.writer.submit((tx) => tx.dropTable(table));
    expect(await failureOf(store.current.writer.submit((tx) => tx.commitSegment(segment(table))))).toEqual(
      expect.objectContaining({ code: "TABLE_NOT_FOUND" }),
    );
  });

  test("job history is bounded: the oldest finished job is forgotten, an unfinished one never", async () => {
    await using store = openTestStore();
    const { catalog, writer } = store.current;
    await writer.submit((tx) => {
      tx.putJob(jobRecord("running", { status: "running", createdAtMs: 0 }));
      for (let n = 1; n < MAX_JOBS; n++) tx.putJob(jobRecord(`FL-${n}`, { createdAtMs: n }));
    });
    await writer.submit((tx) => tx.putJob(jobRecord("newest", { createdAtMs: MAX_JOBS })));
    const ids = catalog.jobs().map(({ id }) => id);
    expect([ids.length, ids[0], ids.at(-1), ids.at(-2)]).toEqual([MAX_JOBS, "newest", "running", "FL-2"]);
  });
});

test("TB-01 options of a namespace add up, outlive a restart, and go with a work that fails", async () => {
  await using store = openTestStore();
  const { writer } = store.current;
  await writer.submit((tx) => {
    tx.createNamespace(CHAT);
    tx.alterNamespace(CHAT, { team: "a", open: true });
    tx.alterNamespace(CHAT, { team: "b", quota: 1.5 });
  });
  const failed = writer.submit((tx) => {
    tx.alterNamespace(CHAT, { team: "c" });
    throw new Error("in the middle");
  });
  expect(await failureOf(failed)).toBeDefined();
  const options = { team: "b", open: true, quota: 1.5 };
  expect(store.current.catalog.namespace(CHAT)?.options).toEqual(options);
  const reopened = await store.reopen();
  expect(reopened.catalog.namespace(CHAT)?.options).toEqual(options);
});
