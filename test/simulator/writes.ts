// Writes under way, and what became of them since the model last took them in.
import type { Coverage } from "./coverage.ts";
import { type Space, type Told, Wrong } from "./model.ts";
import type { Alters } from "./moving-column.ts";
import { type Result, returnedRows, type SqlUser } from "./sql-user.ts";
import { opSql } from "./statement.ts";
import type { SourceTable, TableName, WriteOp } from "./step.ts";

export interface Request {
  readonly space: Space;
  readonly table: TableName;
  readonly form: "batch" | "commit" | "rollback";
  readonly ops: readonly WriteOp[];
  /** Of one statement: whose rows they are, when that is somebody else. */
  readonly as: string | undefined;
  /** What its statements read of another table. */
  readonly sourceOf: (table: SourceTable) => Space;
}

/**
 * What a statement without a fault of its own may end with: a key that is there, a conflict with another writer, and in a transaction a key that
 * was flushed.
 */
const EXPECTED = /^(DUPLICATE_KEY|WRITE_CONFLICT|UNSUPPORTED: .*inside a transaction)\b/;
const OWN_FAULT =
  /^(DUPLICATE_KEY|WRITE_CONFLICT|UNSUPPORTED: .*inside a transaction|NOT_NULL_VIOLATION|INVALID_VALUE|INVALID_PARAMETER|TABLE_NOT_FOUND|SQL_EXECUTION_ERROR)\b/;

export class Writes {
  readonly #coverage: Coverage;
  readonly #alters: Alters;
  readonly #underWay = new Set<Promise<void>>();
  #told = new Map<Space, Told[]>();
  #lost = new Map<Space, WriteOp[]>();
  #latest = 0n;
  #wrong: Wrong | undefined;

  constructor(coverage: Coverage, alters: Alters) {
    this.#coverage = coverage;
    this.#alters = alters;
  }

  send(user: SqlUser, request: Request): void {
    const sent = this.#run(user, request).catch((error: unknown) => {
      if (!(error instanceof Wrong)) throw error;
      this.#wrong ??= error;
    });
    this.#underWay.add(sent);
    void sent.finally(() => this.#underWay.delete(sent));
  }

  async answered(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  take(): { readonly told: Map<Space, Told[]>; readonly lost: Map<Space, WriteOp[]>; readonly latest: bigint } {
    if (this.#wrong !== undefined) throw this.#wrong;
    const taken = { told: this.#told, lost: this.#lost, latest: this.#latest };
    this.#told = new Map();
    this.#lost = new Map();
    return taken;
  }

  async #run(user: SqlUser, request: Request): Promise<void> {
    const { form, ops, table, space, as } = request;
    const statements = ops.map((op) =>
      as === undefined ? opSql(op, table) : `EXECUTE AS USER '${as}' (${opSql(op, table)})`,
    );
    const sql = form === "batch" ? statements.join(";\n") : `BEGIN;\n${statements.join(";\n")};\n${form.toUpperCase()}`;
    const sentAt = this.#latest;
    const from = this.#alters.made(table);
    const [first] = ops;
    const answer = await (first?.kind === "attach" ? user.upload(sql, first.text) : user.send(sql));
    const alters = { from, to: this.#alters.sent(table) };
    const failing = ops.findIndex(({ kind }) => kind === "fail");
    if (answer.kind === "done" && failing >= 0) this.#wrong ??= new Wrong(`${sql}\n  did not fail`);
    const expected = failing < 0 ? EXPECTED : OWN_FAULT;
    // Whoever was made an administrator is above a service.
    const isDenied = as !== undefined && answer.error?.startsWith("PERMISSION_DENIED") === true;
    if (answer.kind === "failed" && !isDenied && !expected.test(answer.error ?? ""))
      this.#wrong ??= new Wrong(`${sql}\n  ${answer.error}`);
    if (answer.kind === "lost" || (answer.kind === "failed" && form === "batch" && ops.length > 1)) {
      // The statements before the failing one have committed; what they did is not in the answer.
      if (form !== "rollback") add(this.#lost, space, ops);
      this.#coverage.count("write of unknown outcome");
      return;
    }
    if (answer.kind === "failed" || form === "rollback") return;
    const results = answer.results ?? [];
    for (const [index, op] of ops.entries()) {
      const result = results[form === "batch" ? index : index + 1];
      // A transaction has one position, given with its end.
      const seq = (form === "batch" ? result : results.at(-1))?.seq;
      const rows = op.kind === "truncate" ? truncated(space, result) : returnedRows(result);
      if (op.kind === "fail" || rows.length === 0) continue;
      if (seq === undefined) throw new Wrong(`${sql}\n  wrote rows and names no position`);
      const commit = BigInt(seq);
      if (commit > this.#latest) this.#latest = commit;
      this.#coverage.count(`written by ${op.kind}`);
      const source = "from" in op ? { source: { space: request.sourceOf(op.from), sentAt } } : {};
      add(this.#told, space, [{ op, rows, commit, alters, ...source }]);
    }
  }
}

/** It says how many rows there were; which, is known where nobody else writes. */
function truncated(space: Space, result: Result | undefined): Told["rows"] {
  const rows = space.living().map(({ row, seq }) => ({ row, seq }));
  const isCounted = result?.message.endsWith(`: ${rows.length} row(s)`) === true;
  if (!isCounted) throw new Wrong(`${space.name}: ${rows.length} rows were there: ${result?.message}`);
  return rows;
}

function add<T>(to: Map<Space, T[]>, space: Space, items: readonly T[]): void {
  to.set(space, [...(to.get(space) ?? []), ...items]);
}
