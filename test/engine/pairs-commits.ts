// What may be committed to a table while something else is under way, with what it makes of the rows.
import {
  addedColumn,
  cleanedUp,
  deleted,
  dropped,
  droppedColumn,
  emptied,
  inserted,
  renamedColumn,
  replacedColumn,
  replacedTable,
  type Step,
  there,
  updated,
} from "./pairs-model.ts";
import type { World } from "./pairs-world.ts";

export type Operation = (world: World) => Promise<unknown>;

/** By name. */
export const COMMITS: Readonly<Record<string, readonly [Operation, Step]>> = {
  "an INSERT": [(w) => w.alice("INSERT INTO t (id, n) VALUES (7, 7)"), (model) => inserted(model, 7)],
  "an UPDATE of a flushed key": [
    (w) => w.alice("UPDATE t SET n = n + 100 WHERE id = 1"),
    (model) => updated(model, 100, (id) => id === 1),
  ],
  "an UPDATE of a buffered key": [
    (w) => w.alice("UPDATE t SET n = n + 100 WHERE id = 5"),
    (model) => updated(model, 100, (id) => id === 5),
  ],
  "a DELETE of a flushed key": [(w) => w.alice("DELETE FROM t WHERE id = 4"), (model) => deleted(model, 4)],
  "a DELETE and a flush": [
    async (w) => {
      await w.alice("DELETE FROM t WHERE id = 6");
      await w.flush();
    },
    (model) => deleted(model, 6),
  ],
  "TRUNCATE of few rows": [(w) => w.alice("TRUNCATE t"), emptied],
  "TRUNCATE of a whole scope": [(w) => w.truncateWhole(), emptied],
  "DROP TABLE": [(w) => w.root("DROP TABLE t"), dropped],
  "DROP TABLE, and what it held is gone,": [
    async (w) => {
      await w.root("DROP TABLE t");
      await w.trimmed();
    },
    dropped,
  ],
  "DROP TABLE and CREATE TABLE": [
    async (w) => {
      await w.root("DROP TABLE t; CREATE USER TABLE t (id BIGINT PRIMARY KEY, n INT)");
      await w.alice("INSERT INTO t VALUES (2, 200)");
    },
    replacedTable,
  ],
  "ADD COLUMN": [(w) => w.root("ALTER TABLE t ADD COLUMN late INT DEFAULT 9"), addedColumn],
  "DROP COLUMN": [(w) => w.root("ALTER TABLE t DROP COLUMN extra"), droppedColumn],
  "DROP COLUMN and ADD COLUMN": [
    async (w) => {
      await w.root("ALTER TABLE t DROP COLUMN extra");
      await w.root("ALTER TABLE t ADD COLUMN extra INT DEFAULT 3");
    },
    replacedColumn,
  ],
  "RENAME COLUMN": [(w) => w.root("ALTER TABLE t RENAME COLUMN extra TO other"), renamedColumn],
  "a wider type": [(w) => w.root("ALTER TABLE t ALTER COLUMN n TYPE BIGINT"), there],
  "a flush": [(w) => w.flush(), there],
  "a merge": [(w) => w.merge(), there],
  "a flush, a merge, and the end of the files replaced": [
    async (w) => {
      await w.flush();
      await w.merge();
      await w.removeReplaced();
    },
    there,
  ],
  "the clean-up of the user": [(w) => w.cleanUp(), cleanedUp],
};
