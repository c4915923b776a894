import { describe, expect, test } from "bun:test";
import { DbError } from "../../src/base/errors.ts";
import { BIGINT, TEXT } from "../../src/model/sql-type.ts";
import {
  decodeSqlRequest,
  encodeError,
  encodeSuccess,
  redact,
  type StatementResult,
  sumBatchResults,
} from "../../src/protocol/http.ts";

describe("decodeSqlRequest", () => {
  test("TB-07 takes sql, params and namespace; unknown fields are ignored", () => {
    const body =
      '{"sql":"SELECT $1","params":[327500846641356801,7,1.5,"x",true,null],"namespace_id":"chat","extra":{}}';
    expect(decodeSqlRequest(body)).toEqual({
      sql: "SELECT $1",
      params: [327500846641356801n, 7, 1.5, "x", true, null],
      namespaceId: "chat",
      batchResults: "each",
    });
  });

  test.each([
    ["null params are none", '{"sql":"q","params":null}', []],
    ["null namespace is the default", '{"sql":"q","namespace_id":null}', []],
    ["an integer past 64 bits is a float", '{"sql":"q","params":[18446744073709551616]}', [18446744073709551616]],
  ])("%s", (_why, body, params) => {
    expect(decodeSqlRequest(body)).toMatchObject({ params, namespaceId: undefined });
  });

  test("a request may ask for the summed form of batches", () => {
    expect(decodeSqlRequest('{"sql":"q","batch_results":"summed"}').batchResults).toBe("summed");
  });

  test.each([
    ["not JSON", "nope", "INVALID_INPUT", "Invalid JSON payload: "],
    ["empty body", "", "INVALID_INPUT", "Invalid JSON payload: "],
    ["a list", "[]", "INVALID_INPUT", "Invalid JSON payload: expected an object"],
    ["no sql", "{}", "INVALID_INPUT", "missing field `sql`"],
    ["sql is a number", '{"sql":1}', "INVALID_INPUT", "`sql` must be a string"],
    ["params is an object", '{"sql":"q","params":{}}', "INVALID_INPUT", "`params` must be an array"],
    ["namespace is a number", '{"sql":"q","namespace_id":1}', "INVALID_INPUT", "`namespace_id`"],
    ["unknown batch form", '{"sql":"q","batch_results":"all"}', "INVALID_INPUT", "`batch_results`"],
    ["a nested parameter", '{"sql":"q","params":[1,[[2]]]}', "INVALID_PARAMETER", "Parameter $2 invalid:"],
    ["an object parameter", '{"sql":"q","params":[{}]}', "INVALID_PARAMETER", "Parameter $1 invalid:"],
    ["a number past every float", '{"sql":"q","params":[1e400]}', "INVALID_PARAMETER", "Parameter $1 invalid:"],
    [
      "51 parameters",
      JSON.stringify({ sql: "q", params: Array(51).fill(1) }),
      "SQL_EXECUTION_ERROR",
      "Statement 1 failed: ",
    ],
    [
      "a parameter of 513 KiB",
      JSON.stringify({ sql: "q", params: ["x".repeat(513 * 1024)] }),
      "SQL_EXECUTION_ERROR",
      "Parameter $1",
    ],
    [
      "SQL over 1 MiB, counted in bytes",
      JSON.stringify({ sql: "é".repeat(524_289) }),
      "INVALID_SQL",
      "SQL query too long: 1048578 bytes (maximum 1048576 bytes)",
    ],
    ["nested past reason", `{"sql":${"[".repeat(100_000)}`, "INVALID_INPUT", "Invalid JSON payload: "],
  ])("AU-04 refuses %s", (_why, body, code, text) => {
    expect(() => decodeSqlRequest(body)).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    );
  });
});

describe("encodeSuccess", () => {
  const select: StatementResult = {
    schema: [
      { name: "id", type: BIGINT, flags: ["pk", "nn", "uq"] },
      { name: "body", type: TEXT, flags: [] },
    ],
    rowsJson: '[["1","hi"]]',
    rowCount: 1,
    asUser: "admin",
  };

  test("CL-02 a lone SELECT has the keys in the order of the contract, error null last", () => {
    expect(encodeSuccess([select], 1.23449)).toBe(
      '{"status":"success","results":[{"schema":[{"name":"id","data_type":"BigInt","index":0,"flags":["pk","nn","uq"]},' +
        '{"name":"body","data_type":"Text","index":1}],"rows":[["1","hi"]],"row_count":1,"as_user":"admin"}],"took":1.234,"error":null}',
    );
  });

  test("LQ-19 a write names the position it committed at, after the keys of the contract", () => {
    expect(
      encodeSuccess([{ rowCount: 2, message: "Inserted 2 row(s)", asUser: "admin", seq: "327500846641356801" }], 0.8),
    ).toBe(
      '{"status":"success","results":[{"row_count":2,"message":"Inserted 2 row(s)","as_user":"admin","seq":"327500846641356801"}],"took":0.8}',
    );
  });

  test("a batch has no error key, and an empty result keeps its schema", () => {
    const text = encodeSuccess([select, { ...select, rowsJson: undefined, rowCount: 0 }], 1);
    expect(JSON.parse(text)).not.toHaveProperty("error");
    expect(JSON.parse(text).results[1]).toMatchObject({
      rows: [],
      row_count: 0,
      schema: [{ name: "id" }, { name: "body" }],
    });
  });
});

describe("sumBatchResults", () => {
  const write = (message: string, rowCount: number): StatementResult => ({ rowCount, message, asUser: "other" });

  test("TB-08 the summed form adds up writes at the end, in fixed order, without empty ones", () => {
    const results = [
      write("Deleted 1 row(s)", 1),
      { rowCount: 0, message: "Table t created", asUser: "a" },
      write("Inserted 2 row(s)", 2),
      write("Updated 0 row(s)", 0),
      write("Inserted 3 row(s)", 3),
    ];
    expect(sumBatchResults(results, "me").map(({ message, rowCount, asUser }) => [message, rowCount, asUser])).toEqual([
      ["Table t created", 0, "a"],
      ["Inserted 5 row(s)", 5, "me"],
      ["Deleted 1 row(s)", 1, "me"],
    ]);
  });

  test("a single statement stays as it is", () => {
    const results = [write("Updated 0 row(s)", 0)];
    expect(sumBatchResults(results, "me")).toBe(results);
  });
});

describe("encodeError and redact", () => {
  test("TB-12 an error has code, message and, when known, position and hint; details only when given", () => {
    const error = new DbError("INVALID_SQL", 'syntax error at or near "FORM"', {
      position: 9,
      hint: "Did you mean FROM?",
    });
    expect(encodeError(error, { tookMs: 0.5123 })).toBe(
      '{"status":"error","results":[],"took":0.512,"error":{"code":"INVALID_SQL","message":"syntax error at or near \\"FORM\\"",' +
        '"position":9,"hint":"Did you mean FROM?"}}',
    );
    expect(JSON.parse(encodeError(error, { tookMs: 0, details: "SELECT" })).error.details).toBe("SELECT");
  });

  test.each([
    [
      "a bug says nothing, not even to an admin",
      new Error("/home/secret"),
      true,
      "INTERNAL_ERROR",
      "SQL request failed",
    ],
    [
      "a storage path is hidden from a user",
      new DbError("STORAGE_ERROR", "/var/lib/x"),
      false,
      "STORAGE_ERROR",
      "Storage request failed",
    ],
    ["an admin sees it", new DbError("STORAGE_ERROR", "/var/lib/x"), true, "STORAGE_ERROR", "/var/lib/x"],
    [
      "a user's own mistake stays readable",
      new DbError("INVALID_SQL", "syntax error"),
      false,
      "INVALID_SQL",
      "syntax error",
    ],
  ])("TB-12 %s", (_why, error, isAdmin, code, message) => {
    expect(redact(error, isAdmin)).toMatchObject({ code, message });
  });
});
