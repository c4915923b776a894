// A server whose one query process is busy for ever; prints the processes' ids once it is.
import { createQueryPool } from "../../../src/engine/query/pool.ts";
import { poolOptions, textRequest } from "./query-fixture.ts";

const [databasePath = "", storageDir = ""] = process.argv.slice(2);
const pool = createQueryPool({ ...poolOptions({ databasePath, storageDir }), processes: 1, timeoutMs: 600_000 });
await pool.run(textRequest("SELECT 1"));
const endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
void pool.run(textRequest(endless)).catch(() => undefined);
setTimeout(() => process.stdout.write(JSON.stringify(pool.pids)), 300);
