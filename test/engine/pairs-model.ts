// What operations on a table make of its rows, in memory: the oracle of the tests of pairs. A table has the rows of two users by their keys; cells are their texts.
export type Row = Readonly<Record<string, string | null>>;

export interface Model {
  /** Undefined: the table is gone. */
  readonly columns: readonly string[] | undefined;
  readonly alice: ReadonlyMap<number, Row>;
  readonly bob: ReadonlyMap<number, Row>;
  /** What a new row has in the column that is replaced. */
  readonly extra?: string;
}

/** What the operation would be refused with. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export type Step = (model: Model) => Model;

export const BEFORE: Model = {
  columns: ["id", "body", "n", "extra"],
  alice: new Map([
    [1, { id: "1", body: "one", n: "1", extra: "first" }],
    [2, { id: "2", body: "two", n: "22", extra: "x2" }],
    [4, { id: "4", body: "four", n: "4", extra: "x4" }],
    [5, { id: "5", body: "five", n: "5", extra: "x5" }],
    [6, { id: "6", body: "six", n: "66", extra: "x6" }],
  ]),
  bob: new Map([
    [1, { id: "1", body: "bob's", n: "1", extra: "first" }],
    [2, { id: "2", body: "bob's too", n: "2", extra: "x2" }],
  ]),
};

/** The statements that make a table of that model, the last rows of which stay buffered. */
export const MADE = [
  "CREATE USER TABLE t (id BIGINT PRIMARY KEY, body TEXT, n INT)",
  ["alice", "INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3)"],
  ["bob", "INSERT INTO t VALUES (1, 'bob''s', 1)"],
  "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'first'",
  "flush",
  ["alice", "UPDATE t SET n = 22, extra = 'x2' WHERE id = 2; DELETE FROM t WHERE id = 3"],
  ["alice", "INSERT INTO t VALUES (4, 'four', 4, 'x4'), (6, 'six', 6, 'x6')"],
  "flush",
  ["alice", "UPDATE t SET n = 66 WHERE id = 6; INSERT INTO t VALUES (5, 'five', 5, 'x5')"],
  ["bob", "INSERT INTO t VALUES (2, 'bob''s too', 2, 'x2')"],
] as const;

function columnsOf({ columns }: Model, ...used: readonly string[]): readonly string[] {
  if (columns === undefined || used.some((name) => !columns.includes(name))) throw new Refused();
  return columns;
}

function mapRows(rows: ReadonlyMap<number, Row>, change: (row: Row) => Row): ReadonlyMap<number, Row> {
  return new Map(Array.from(rows, ([id, row]) => [id, change(row)]));
}

const plus = (row: Row, by: number): Row => ({ ...row, n: String(Number(row["n"]) + by) });

export function inserted(model: Model, id: number): Model {
  const columns = columnsOf(model, "id", "n");
  if (model.alice.has(id)) throw new Refused();
  const defaults: Row = {
    id: String(id),
    n: String(id),
    late: "9",
    extra: model.extra ?? "first",
  };
  const row = Object.fromEntries(columns.map((name) => [name, defaults[name === "other" ? "extra" : name] ?? null]));
  return { ...model, alice: new Map([...model.alice, [id, row]]) };
}

export function updated(model: Model, by: number, where: (id: number) => boolean): Model {
  columnsOf(model, "n");
  return { ...model, alice: mapRows(model.alice, (row) => (where(Number(row["id"])) ? plus(row, by) : row)) };
}

export function deleted(model: Model, id: number): Model {
  columnsOf(model);
  return { ...model, alice: new Map([...model.alice].filter(([key]) => key !== id)) };
}

export function emptied(model: Model): Model {
  columnsOf(model);
  return { ...model, alice: new Map() };
}

/** The same, and no refusal when there is nothing. */
export function cleanedUp(model: Model): Model {
  return { ...model, alice: new Map() };
}

export function dropped(model: Model): Model {
  columnsOf(model);
  return { columns: undefined, alice: new Map(), bob: new Map() };
}

export function replacedTable(model: Model): Model {
  columnsOf(model);
  return { columns: ["id", "n"], alice: new Map([[2, { id: "2", n: "200" }]]), bob: new Map() };
}

function altered(model: Model, columns: readonly string[], change: (row: Row) => Row): Model {
  return { columns, alice: mapRows(model.alice, change), bob: mapRows(model.bob, change) };
}

function without(row: Row, name: string): Row {
  return Object.fromEntries(Object.entries(row).filter(([key]) => key !== name));
}

export function addedColumn(model: Model): Model {
  return altered(model, [...columnsOf(model), "late"], (row) => ({ ...row, late: "9" }));
}

export function droppedColumn(model: Model): Model {
  const columns = columnsOf(model, "extra");
  return altered(
    model,
    columns.filter((name) => name !== "extra"),
    (row) => without(row, "extra"),
  );
}

export function renamedColumn(model: Model): Model {
  const columns = columnsOf(model, "extra").map((name) => (name === "extra" ? "other" : name));
  return altered(model, columns, (row) => ({ ...without(row, "extra"), other: row["extra"] ?? null }));
}

/** Another column by the name of one that went. */
export function replacedColumn(model: Model): Model {
  const { columns = [], ...rest } = droppedColumn(model);
  return { ...altered({ columns, ...rest }, [...columns, "extra"], (row) => ({ ...row, extra: "3" })), extra: "3" };
}

/** Only where the column is there and holds no NULL. */
export function setNotNull(model: Model): Model {
  columnsOf(model, "body");
  if ([...model.alice.values(), ...model.bob.values()].some(({ body }) => body === null)) throw new Refused();
  return model;
}

export function there(model: Model): Model {
  columnsOf(model);
  return model;
}
