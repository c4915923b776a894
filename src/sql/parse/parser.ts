// SQL text → statements. PostgreSQL's own parser reads what PostgreSQL has; the rest is recognised by its first words and read by the
// module of its family. Error positions count from the start of the request's SQL.
import type { ParsedStatement, Statement } from "../statement.ts";
import { parseAlterTable } from "./alter-table.ts";
import { parseCreateApiKey, parseDropApiKey } from "./api-keys.ts";
import { parseBackup, parseRestore } from "./backup.ts";
import { parseExecuteAs } from "./execute-as.ts";
import { parseExport } from "./export.ts";
import { parseCreateIndex, parseDropIndex } from "./indexes.ts";
import { parseKill } from "./kill.ts";
import { parseAlterNamespace, parseCreateNamespace, parseDropNamespace, parseUseNamespace } from "./namespaces.ts";
import { loadPostgres, type Postgres } from "./postgres.ts";
import { parseExplain, parsePostgresStatement, refuse } from "./postgres-statement.ts";
import { parseDescribe, parseShow } from "./show.ts";
import { type BatchPart, splitBatch } from "./split-batch.ts";
import { parseStorage } from "./storage.ts";
import { parseAlterStorage, parseCreateStorage, parseDropStorage } from "./storages.ts";
import { parseSubscribe } from "./subscribe.ts";
import { withOffset } from "./syntax-error.ts";
import { parseCreateTable, parseDropTable } from "./tables.ts";
import { Cursor, leadingWords } from "./tokens.ts";
import { parseClearCache, parseTruncate } from "./truncate.ts";
import { parseUpsert } from "./upsert.ts";
import { parseAlterUser, parseCreateUser, parseDropUser } from "./users.ts";
import { parseCreateView, parseDropView } from "./views.ts";

export interface Parser {
  /** Every statement of a request, or the first error. Empty parts are dropped; nothing left is EMPTY_SQL. */
  readonly parse: (sql: string) => ParsedStatement[];
}

/** Loads the WebAssembly module once for the process. */
export async function loadParser(): Promise<Parser> {
  const postgres = await loadPostgres();
  const parseOne = (part: BatchPart): ParsedStatement => {
    const statement = withOffset(part.offset, () => parseStatement(part, postgres, parseOne));
    return { statement, text: part.text, offset: part.offset };
  };
  return { parse: (sql) => splitBatch(sql).map(parseOne) };
}

interface Family {
  /** Upper case; the first family whose words the statement begins with reads it. */
  readonly words: readonly string[];
  readonly parse: (cursor: Cursor, context: Context) => Statement;
}

interface Context {
  readonly part: BatchPart;
  readonly postgres: Postgres;
  readonly parseOne: (part: BatchPart) => ParsedStatement;
}

const createTable: Family["parse"] = (cursor, { postgres, part }) => parseCreateTable(cursor, postgres, part);
const createView: Family["parse"] = (cursor, { postgres, part }) => parseCreateView(cursor, postgres, part);
const notAvailable: Family["parse"] = (_cursor, { part }) => refuse(part.text);

/** Longer word lists stand before their prefixes. */
const FAMILIES: readonly Family[] = [
  { words: ["CREATE", "TABLE"], parse: createTable },
  { words: ["CREATE", "USER", "TABLE"], parse: createTable },
  { words: ["CREATE", "SHARED", "TABLE"], parse: createTable },
  { words: ["CREATE", "STREAM", "TABLE"], parse: createTable },
  { words: ["ALTER", "TABLE"], parse: (cursor, { postgres, part }) => parseAlterTable(cursor, postgres, part) },
  { words: ["DROP", "TABLE"], parse: parseDropTable },
  { words: ["DROP", "USER", "TABLE"], parse: parseDropTable },
  { words: ["DROP", "SHARED", "TABLE"], parse: parseDropTable },
  { words: ["DROP", "STREAM", "TABLE"], parse: parseDropTable },
  { words: ["CREATE", "VIEW"], parse: createView },
  { words: ["CREATE", "OR", "REPLACE", "VIEW"], parse: createView },
  { words: ["DROP", "VIEW"], parse: parseDropView },
  { words: ["CREATE", "INDEX"], parse: parseCreateIndex },
  { words: ["CREATE", "UNIQUE", "INDEX"], parse: parseCreateIndex },
  { words: ["DROP", "INDEX"], parse: parseDropIndex },
  { words: ["CREATE", "NAMESPACE"], parse: parseCreateNamespace },
  { words: ["DROP", "NAMESPACE"], parse: parseDropNamespace },
  { words: ["ALTER", "NAMESPACE"], parse: parseAlterNamespace },
  { words: ["USE"], parse: parseUseNamespace },
  { words: ["SET", "NAMESPACE"], parse: parseUseNamespace },
  { words: ["CREATE", "USER"], parse: parseCreateUser },
  { words: ["ALTER", "USER"], parse: parseAlterUser },
  { words: ["DROP", "USER"], parse: parseDropUser },
  { words: ["CREATE", "API", "KEY"], parse: parseCreateApiKey },
  { words: ["DROP", "API", "KEY"], parse: parseDropApiKey },
  { words: ["UPSERT"], parse: (cursor, { postgres, part }) => parseUpsert(cursor, postgres, part) },
  { words: ["TRUNCATE"], parse: parseTruncate },
  { words: ["CLEAR", "CACHE"], parse: parseClearCache },
  { words: ["SHOW"], parse: (cursor, { postgres }) => parseShow(cursor, postgres) },
  { words: ["DESCRIBE"], parse: parseDescribe },
  { words: ["DESC"], parse: parseDescribe },
  { words: ["KILL"], parse: parseKill },
  { words: ["STORAGE"], parse: parseStorage },
  { words: ["CREATE", "STORAGE"], parse: parseCreateStorage },
  { words: ["ALTER", "STORAGE"], parse: parseAlterStorage },
  { words: ["DROP", "STORAGE"], parse: parseDropStorage },
  { words: ["SUBSCRIBE"], parse: (cursor, { postgres, part }) => parseSubscribe(cursor, postgres, part) },
  { words: ["EXECUTE", "AS"], parse: (cursor, { parseOne }) => parseExecuteAs(cursor, parseOne) },
  { words: ["EXPLAIN"], parse: (cursor, { postgres, part }) => parseExplain(cursor, postgres, part) },
  ...["CREATE", "ALTER", "DROP"].map((verb): Family => ({ words: [verb, "TOPIC"], parse: notAvailable })),
  { words: ["BACKUP"], parse: parseBackup },
  { words: ["RESTORE"], parse: parseRestore },
  { words: ["EXPORT"], parse: parseExport },
  ...["CLEAR", "CONSUME", "ACK", "CLUSTER"].map((verb): Family => ({ words: [verb], parse: notAvailable })),
];

const FIRST_WORDS = new Set(FAMILIES.map(({ words }) => words[0]));
const MAX_LEADING_WORDS = 4;

function parseStatement(part: BatchPart, postgres: Postgres, parseOne: Context["parseOne"]): Statement {
  const [first] = leadingWords(part.text, 1);
  if (first !== undefined && FIRST_WORDS.has(first)) {
    const leading = leadingWords(part.text, MAX_LEADING_WORDS);
    const family = FAMILIES.find(({ words }) => words.every((word, index) => leading[index] === word));
    if (family !== undefined) return family.parse(new Cursor(part.text), { part, postgres, parseOne });
  }
  return parsePostgresStatement(postgres, part);
}
