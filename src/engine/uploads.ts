// A statement that comes with files: `FILE('name')` in it stands for the part of the request named `file:name`. The files are stored first, then the statement
// runs with references to them as further parameters; what no row took is removed again.
import { assertMayActAs } from "../auth/access.ts";
import { DbError } from "../base/errors.ts";
import { type FilePlaceholder, findFilePlaceholders } from "../model/file-placeholders.ts";
import { encodeFileRef, type FileRef } from "../model/file-ref.ts";
import { paramShape } from "../model/param.ts";
import { qualifiedName } from "../model/schema.ts";
import type { StatementResult } from "../protocol/http.ts";
import { assertParameterCount } from "../sql/bind/slots.ts";
import { splitBatch } from "../sql/parse/split-batch.ts";
import type { FileTarget, ReceivedFile } from "../storage/files/file-store.ts";
import { runRequest, type SqlRequest } from "./batch.ts";
import type { EngineDeps } from "./deps.ts";
import { failure } from "./failure.ts";
import { assertMayRun } from "./permission.ts";
import type { Runnable } from "./prepare.ts";
import type { Session } from "./session.ts";
import { scopeFor } from "./write.ts";

/** By the name that a placeholder gives. */
export type Uploads = ReadonlyMap<string, ReceivedFile>;

export async function runUpload(
  request: SqlRequest,
  uploads: Uploads,
  deps: EngineDeps,
): Promise<readonly StatementResult[]> {
  const found = findFilePlaceholders(request.sql);
  assertMatching(found.placeholders, uploads);
  if (uploads.size === 0) return runRequest(request, deps);
  if (splitBatch(request.sql).length !== 1) throw notOne();
  assertParameterCount(found.lastParameter, request.params.length);
  const names = [...uploads.keys()];
  const bound = (refs: readonly FileRef[]): SqlRequest => ({
    ...request,
    sql: withParameters(request.sql, found.placeholders, (name) => request.params.length + names.indexOf(name) + 1),
    params: [...request.params, ...refs.map(encodeFileRef)],
  });
  // References of the right form to files that are not there yet: enough to say which table the statement writes.
  const target = targetOf(bound(names.map(draftRef)), deps);
  const files = await deps.files.add(target, [...uploads.values()]);
  try {
    return await runRequest(bound(files.map(({ ref }) => ref)), deps);
  } finally {
    await deps.files.settle(files);
  }
}

function assertMatching(placeholders: readonly FilePlaceholder[], uploads: Uploads): void {
  const named = new Set(placeholders.map(({ name }) => name));
  const missing = [...named].find((name) => !uploads.has(name));
  if (missing !== undefined) {
    throw new DbError("MISSING_FILE", `The request has no part 'file:${missing}' for FILE('${missing}')`);
  }
  const extra = [...uploads.keys()].find((name) => !named.has(name));
  if (extra === undefined) return;
  throw new DbError("EXTRA_FILE", `The statement has no FILE('${extra}') for the part 'file:${extra}'`);
}

/** Padded to the length of what it replaces: positions in messages stay those of the text that was sent. */
function withParameters(
  sql: string,
  placeholders: readonly FilePlaceholder[],
  numberOf: (name: string) => number,
): string {
  let text = "";
  let end = 0;
  for (const placeholder of placeholders) {
    const parameter = `$${numberOf(placeholder.name)}::file`;
    text += sql.slice(end, placeholder.start) + parameter.padEnd(placeholder.end - placeholder.start);
    ({ end } = placeholder);
  }
  return text + sql.slice(end);
}

function draftRef(name: string): FileRef {
  return { id: "1", sub: "f0001", name, size: 0, mime: "application/octet-stream", sha256: "0".repeat(64) };
}

function targetOf({ sql, params, session }: SqlRequest, deps: EngineDeps): FileTarget {
  const runnable = only(deps.preparer.prepare(sql, session, paramShape(params)));
  try {
    if (runnable.kind === "data") return targetOfWrite(runnable, session);
    if (runnable.statement.kind !== "executeAs") throw notAWrite();
    const { user, innerText } = runnable.statement;
    assertMayActAs(session, { user, role: deps.catalog.user(user)?.role ?? "user" });
    const inner: Session = { user, role: "user", namespace: session.namespace };
    const statement = only(deps.preparer.prepare(innerText, inner, paramShape(params)));
    if (statement.kind !== "data") throw notAWrite();
    return targetOfWrite(statement, inner);
  } catch (error) {
    throw failure(error, runnable, { index: 0, isBatch: false });
  }
}

function targetOfWrite(runnable: Extract<Runnable, { kind: "data" }>, session: Session): FileTarget {
  const { plan } = runnable.plan(session);
  assertMayRun(plan, session);
  if (plan.kind !== "insert" && plan.kind !== "update") throw notAWrite();
  const { table } = plan;
  if (table.columns.some(({ type }) => type.kind === "file")) return { table, scope: scopeFor(table, session.user) };
  throw new DbError("INVALID_INPUT", `${qualifiedName(table)} has no column of type FILE`);
}

function only([first, ...rest]: readonly Runnable[]): Runnable {
  if (first !== undefined && rest.length === 0) return first;
  throw notOne();
}

function notOne(): DbError {
  return new DbError("INVALID_INPUT", "FILE placeholders need a request of one statement");
}

function notAWrite(): DbError {
  return new DbError("INVALID_INPUT", "FILE placeholders need an INSERT or UPDATE", {
    hint: "Files are uploaded into a row of a USER or SHARED table.",
  });
}
