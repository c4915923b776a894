// Names that completion knows: asked of the server when a completion first needs them, and again after a statement may have changed them.
import type { Session } from "./session.ts";

export interface Catalog {
  readonly namespaces: readonly string[];
  /** Columns by `namespace.table`. */
  readonly columnsByTable: ReadonlyMap<string, readonly string[]>;
}

const EMPTY: Catalog = { namespaces: [], columnsByTable: new Map() };
/** Of a larger catalog the first names are completed. */
const MAX_COLUMNS = 20_000;
/** Whoever pressed Tab does not wait longer. */
const PATIENCE_MS = 2_000;

const SQL = `SELECT table_schema, table_name, column_name FROM information_schema.columns
  ORDER BY table_schema, table_name, ordinal_position LIMIT ${MAX_COLUMNS}`;

export class CatalogCache {
  readonly #session: Session;
  #catalog = EMPTY;

  constructor(session: Session) {
    this.#session = session;
  }

  /** What was known last when the server does not answer in time: completion is a help, not a duty. */
  async read(): Promise<Catalog> {
    if (!this.#session.hasNewNames) return this.#catalog;
    const signal = AbortSignal.timeout(PATIENCE_MS);
    try {
      const { client } = this.#session;
      const [columns, namespaces] = await Promise.all([
        client.query(SQL, [], { signal }),
        client.query("SHOW NAMESPACES", [], { signal }),
      ]);
      this.#session.hasNewNames = false;
      this.#catalog = catalogOf(
        columns.values.map((row) => row.map(String)),
        namespaces.rows.map((row) => String(row["name"])),
      );
    } catch {
      // Whatever is wrong, the next statement will say it.
    }
    return this.#catalog;
  }
}

export function catalogOf(columns: readonly (readonly string[])[], namespaces: readonly string[]): Catalog {
  const columnsByTable = new Map<string, string[]>();
  for (const [namespace = "", table = "", column = ""] of columns) {
    const name = `${namespace}.${table}`;
    const known = columnsByTable.get(name);
    if (known === undefined) columnsByTable.set(name, [column]);
    else known.push(column);
  }
  const used = [...columnsByTable.keys()].map((name) => name.slice(0, name.indexOf(".")));
  return { namespaces: [...new Set([...namespaces, ...used])].sort(), columnsByTable };
}
