// Random tables with random rows, as statements that both databases read.
import type { Table } from "./query.ts";
import type { Random } from "./random.ts";
import { COLUMN_TYPES, TYPES, type TypeName } from "./types.ts";

export interface TableSetup extends Table {
  readonly create: string;
  readonly inserts: readonly string[];
}

const ROWS = 14;

function value(random: Random, type: TypeName, edges: boolean): string {
  if (random.chance(1, 5)) return "NULL";
  const { plain, edges: rare } = TYPES[type];
  return random.pick(edges && random.chance(1, 4) ? rare : plain);
}

export function randomTable(random: Random, name: string, edges: boolean): TableSetup {
  const kept = COLUMN_TYPES.filter(() => random.chance(4, 5));
  const columns: { name: string; type: TypeName }[] = kept.map((type) => ({ name: `c_${type}`, type }));
  if (random.chance(1, 2)) columns.push({ name: "d_i4", type: "i4" }, { name: "d_text", type: "text" });
  const defined = columns.map(({ name: column, type }) => `${column} ${TYPES[type].sql}`);
  const rows = Array.from(
    { length: random.chance(1, 10) ? 1 : ROWS },
    (_, key) => `(${[key + 1, ...columns.map(({ type }) => value(random, type, edges))].join(", ")})`,
  );
  return {
    name,
    columns: [{ name: "k", type: "i4" }, ...columns],
    create: `CREATE TABLE ${name} (${["k INT PRIMARY KEY", ...defined].join(", ")})`,
    inserts: rows.map((row) => `INSERT INTO ${name} VALUES ${row}`),
  };
}
