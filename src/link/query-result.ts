// Answers of POST /v1/api/sql as values.
import { isObject, type JsonObject } from "../protocol/json.ts";
import { parseSchema, type SchemaField } from "../protocol/schema-field.ts";
import { KalamError } from "./kalam-error.ts";
import { type Column, decodeCells, type Row, rowOf, toColumns, type Value } from "./value.ts";

/** What one statement gave. */
export interface QueryResult {
  /** Empty for statements without rows. */
  readonly columns: readonly Column[];
  /** Objects by column name; made when first read. */
  readonly rows: readonly Row[];
  /** The same cells in column order, for results with repeated column names. */
  readonly values: readonly (readonly Value[])[];
  /** Rows returned, or rows affected. */
  readonly rowCount: number;
  readonly message: string | undefined;
  readonly asUser: string | undefined;
  /** Where a write committed: a live query whose cursor passed it contains the write. */
  readonly seq: bigint | undefined;
  /** Milliseconds on the server, for the whole request. */
  readonly took: number;
}

function badResponse(text: string): KalamError {
  return new KalamError("BAD_RESPONSE", `response of the server: ${text}`);
}

function parseResult(value: unknown, took: number): QueryResult {
  if (!isObject(value)) throw badResponse("a result is not an object");
  const { schema: schemaValue, rows = [], row_count: rowCount, message, as_user: asUser, seq } = value;
  if (!Array.isArray(rows)) throw badResponse("rows are not a list");
  const schema: readonly SchemaField[] = schemaValue === undefined ? [] : parseSchema(schemaValue);
  const values = rows.map((row: unknown) => {
    if (!Array.isArray(row)) throw badResponse("a row is not a list");
    return decodeCells(row, schema);
  });
  let objects: readonly Row[] | undefined;
  return {
    columns: toColumns(schema),
    get rows() {
      objects ??= values.map((cells) => rowOf(cells, schema));
      return objects;
    },
    values,
    rowCount: typeof rowCount === "number" ? rowCount : values.length,
    message: typeof message === "string" ? message : undefined,
    asUser: typeof asUser === "string" ? asUser : undefined,
    seq: typeof seq === "string" && /^\d{1,20}$/.test(seq) ? BigInt(seq) : undefined,
    took,
  };
}

function numberField(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function stringField(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function parseError(error: JsonObject, status: number): KalamError {
  return new KalamError(
    stringField(error["reason"]) ?? stringField(error["code"]) ?? "BAD_RESPONSE",
    stringField(error["message"]) ?? "",
    {
      status,
      position: numberField(error["position"]),
      hint: stringField(error["hint"]),
      details: stringField(error["details"]),
    },
  );
}

/** The results of a request, or the error it ended with as a throw. */
export function parseSqlResponse(body: unknown, status: number): readonly QueryResult[] {
  if (!isObject(body)) throw badResponse("not an object");
  const { results = [], took, error } = body;
  if (isObject(error)) throw parseError(error, status);
  if (body["status"] !== "success" || !Array.isArray(results)) throw badResponse("neither results nor an error");
  return results.map((result: unknown) => parseResult(result, numberField(took) ?? 0));
}
