// Column defaults at the moment a row is inserted.
import type { UserId } from "../base/ids.ts";
import type { Column } from "../model/schema.ts";
import type { Cell } from "../model/sql-type.ts";
import { generateDefault } from "../sql/functions/defaults.ts";
import type { Generators } from "../sql/functions/generators.ts";

export interface DefaultGenerator {
  /** Defaults of one statement: NOW() is the same instant in all of its rows, generated keys differ. */
  forStatement(user: UserId, nowUs: bigint): (column: Column) => Cell;
}

export function createDefaultGenerator(generators: Generators): DefaultGenerator {
  return {
    forStatement: (user, nowUs) => (column) => {
      if (column.default === undefined) return null;
      if (column.default.kind === "literal") return column.default.value;
      return generateDefault(column.default.name, column.type, { generators, user, nowUs });
    },
  };
}
