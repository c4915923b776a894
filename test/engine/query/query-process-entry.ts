// What the pool of these tests starts: a query process with one function of its own, which fails the way a SQL function does.
import { DbError } from "../../../src/base/errors.ts";
import { runQueryProcess } from "../../../src/engine/query/query-process.ts";

runQueryProcess((db) => {
  db.function("refuse", (value: unknown) => {
    throw new DbError("INVALID_VALUE", `refused ${String(value)}`, { position: 3, hint: "do not" });
  });
});
