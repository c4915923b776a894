// KILL CONNECTION, KILL LIVE QUERY and KILL JOB.
import type { Statement } from "../statement.ts";
import type { Cursor } from "./tokens.ts";

export function parseKill(cursor: Cursor): Statement {
  cursor.expectWords("KILL");
  const statement = takeTarget(cursor);
  cursor.expectEnd();
  return statement;
}

function takeTarget(cursor: Cursor): Statement {
  if (cursor.takeWords("CONNECTION")) return { kind: "killConnection", connection: cursor.expectText() };
  if (cursor.takeWords("JOB")) return { kind: "killJob", job: cursor.expectText() };
  cursor.expectWords("LIVE", "QUERY");
  return { kind: "killLiveQuery", liveId: cursor.expectText() };
}
