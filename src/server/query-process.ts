// The other program in this binary: a query process, started by the pool with the functions the main process has.
import { systemClock } from "../base/clock.ts";
import { runQueryProcess } from "../engine/query/query-process.ts";
import { createGenerators } from "../sql/functions/generators.ts";
import { registerFunctions } from "../sql/functions/register.ts";

export function serveQueries(): void {
  runQueryProcess((db, node) => registerFunctions(db, createGenerators(systemClock, node)));
}
