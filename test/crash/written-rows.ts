// What clients of the traced server were told, in the order of the trace, and what its rows may therefore be.

export type Effect =
  | { readonly kind: "create" | "clear" | "drop"; readonly table: string }
  | { readonly kind: "put"; readonly table: string; readonly ids: readonly number[]; readonly body: string }
  | { readonly kind: "remove"; readonly table: string; readonly ids: readonly number[] };

/** Written before a statement is sent, and after its answer came. */
export type Mark =
  | { readonly kind: "sent"; readonly effect: Effect }
  | { readonly kind: "answered" }
  | { readonly kind: "note"; readonly text: string };

export type Rows = ReadonlyMap<string, ReadonlyMap<number, string>>;

export function bodyOf(body: string): string {
  return body.padEnd(900, ".");
}

export class WrittenRows {
  #certain: Rows = new Map();
  #sent: Effect | undefined;
  /** Texts of all that was certain so far. */
  readonly past = new Set<string>([rowsText(new Map())]);
  /** For messages. */
  note = "";

  /** One on each line. */
  readMarks(text: string): void {
    for (const line of text.trim().split("\n")) this.#mark(JSON.parse(line) as Mark);
  }

  #mark(mark: Mark): void {
    if (mark.kind === "note") this.note = mark.text;
    else if (mark.kind === "sent") {
      this.#sent = mark.effect;
    } else {
      if (this.#sent !== undefined) this.#certain = after(this.#certain, this.#sent);
      this.past.add(rowsText(this.#certain));
      this.#sent = undefined;
    }
  }

  /** Without the statement that is not answered, and with it. */
  possible(): Rows[] {
    return this.#sent === undefined ? [this.#certain] : [this.#certain, after(this.#certain, this.#sent)];
  }
}

function after(rows: Rows, effect: Effect): Rows {
  const next = new Map(rows);
  if (effect.kind === "drop") {
    next.delete(effect.table);
    return next;
  }
  const table = new Map(effect.kind === "create" || effect.kind === "clear" ? [] : next.get(effect.table));
  if (effect.kind === "put") for (const id of effect.ids) table.set(id, effect.body);
  if (effect.kind === "remove") for (const id of effect.ids) table.delete(id);
  return next.set(effect.table, table);
}

/** One text for equal rows. */
export function rowsText(rows: Rows): string {
  const tables = [...rows].sort(([a], [b]) => (a < b ? -1 : 1));
  return tables
    .map(([name, table]) => {
      const sorted = [...table].sort(([a], [b]) => a - b);
      return `${name}: ${sorted.map(([id, body]) => `${id}=${body}`).join(" ")}`;
    })
    .join("\n");
}
