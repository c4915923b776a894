// The envelope `EXECUTE AS USER 'id' ( statement )`.
import { DbError } from "../../base/errors.ts";
import type { ParsedStatement, Statement } from "../statement.ts";
import { type BatchPart, splitBatch } from "./split-batch.ts";
import { isLongInsert } from "./split-insert.ts";
import { withOffset } from "./syntax-error.ts";
import { type Cursor, leadingWords } from "./tokens.ts";
import { takeUserId } from "./users.ts";

/** A fault of the envelope is INVALID_INPUT; a fault of the statement inside keeps its own code. */
export function parseExecuteAs(cursor: Cursor, parseOne: (part: BatchPart) => ParsedStatement): Statement {
  const { user, body } = envelope(() => {
    cursor.expectWords("EXECUTE", "AS", "USER");
    const target = takeUserId(cursor);
    const bracketed = cursor.takeBracketed();
    cursor.expectEnd();
    return { user: target, body: bracketed };
  });
  return withOffset(body.start, () => {
    const [part, ...rest] = envelope(() => splitBatch(body.text));
    if (part === undefined || rest.length > 0) {
      throw new DbError("INVALID_INPUT", "EXECUTE AS USER takes exactly one statement in its brackets");
    }
    // Seen before it is parsed: a pile of envelopes would otherwise be cut up once for each of them.
    const isNested = leadingWords(part.text, 2).join(" ") === "EXECUTE AS";
    if (isNested) throw new DbError("INVALID_INPUT", "EXECUTE AS USER cannot be nested");
    // A long INSERT is parsed in parts, when its turn comes.
    const { text } = isLongInsert(part.text) ? part : parseOne(part);
    return { kind: "executeAs", user, innerText: text };
  });
}

const FORM = "EXECUTE AS USER 'id' ( statement )";

function envelope<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof DbError)) throw cause;
    throw new DbError("INVALID_INPUT", `Invalid EXECUTE AS USER: ${cause.message}`, {
      cause,
      hint: `Write ${FORM}.`,
      ...(cause.position === undefined ? {} : { position: cause.position }),
    });
  }
}
