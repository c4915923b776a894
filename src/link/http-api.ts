// The HTTP half of the client: SQL, files, health. Reads are retried when no answer came; anything that may write is sent once.
import { API_KEY_PREFIX } from "../model/api-key.ts";
import { isObject, type JsonValue, toJson } from "../protocol/json.ts";
import type { Credentials } from "./credentials.ts";
import type { FileParts } from "./files.ts";
import { type Answer, parseBody, request } from "./http-request.ts";
import { KalamError, toKalamError } from "./kalam-error.ts";
import { parseSqlResponse, type QueryResult } from "./query-result.ts";
import { type Param, paramValue } from "./value.ts";

const MAX_RETRIES = 3;
const RETRY_STEP_MS = 100;
/** One statement that only reads. A `;` inside may hide a second statement, so it is not repeated. */
const READ_STATEMENT = /^(?:\s|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*(?:select|show|describe|explain)\b[^;]*;?\s*$/i;

export function isRepeatable(sql: string): boolean {
  return READ_STATEMENT.test(sql);
}

export interface Health {
  readonly status: string;
  readonly version: string | undefined;
  readonly apiVersion: string | undefined;
}

export interface SqlOptions {
  readonly params: readonly Param[];
  readonly namespace: string | undefined;
  readonly signal: AbortSignal | undefined;
}

function wait(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

export async function readHealth(baseUrl: string, signal?: AbortSignal): Promise<Health> {
  const { status, body } = await request(`${baseUrl}/v1/api/healthcheck`, signal === undefined ? {} : { signal });
  const fields = isObject(body) ? body : {};
  const { status: health, version, api_version: apiVersion } = fields;
  if (typeof health !== "string")
    throw new KalamError("BAD_RESPONSE", `health answered with status ${status}`, { status });
  return {
    status: health,
    version: typeof version === "string" ? version : undefined,
    apiVersion: typeof apiVersion === "string" ? apiVersion : undefined,
  };
}

export interface SqlApi {
  run(sql: string, options: SqlOptions): Promise<readonly QueryResult[]>;
  /** Sent once, whatever the statement is. */
  runWithFiles(sql: string, files: FileParts, options: SqlOptions): Promise<readonly QueryResult[]>;
  /** What is at a path of `filePath` or `exportPath`, its body still to be read. */
  download(path: string, signal: AbortSignal | undefined): Promise<Response>;
}

export function createSqlApi(baseUrl: string, credentials: Credentials): SqlApi {
  const post = (body: string | FormData, token: string, signal: AbortSignal | undefined): Promise<Answer> =>
    request(`${baseUrl}/v1/api/sql`, {
      method: "POST",
      // A form says its own content type, with its boundary.
      headers: {
        ...credentialHeader(token),
        ...(typeof body === "string" ? { "content-type": "application/json" } : {}),
      },
      body,
      ...(signal === undefined ? {} : { signal }),
    });

  const send = async (
    body: string | FormData,
    { isRepeatable: repeats, signal }: { readonly isRepeatable: boolean; readonly signal: AbortSignal | undefined },
  ): Promise<readonly QueryResult[]> => {
    const token = await credentials.token();
    let answer = await withRetries(repeats, () => post(body, token, signal));
    if (errorCode(answer.body) === "TOKEN_EXPIRED") answer = await post(body, await credentials.token(token), signal);
    return parseSqlResponse(answer.body, answer.status);
  };

  return {
    async run(sql, { params, namespace, signal }) {
      signal?.throwIfAborted();
      return send(requestBody(sql, params, namespace), { isRepeatable: isRepeatable(sql), signal });
    },
    async runWithFiles(sql, files, { params, namespace, signal }) {
      signal?.throwIfAborted();
      return send(formOf(sql, files, { params, namespace }), { isRepeatable: false, signal });
    },
    async download(path, signal) {
      signal?.throwIfAborted();
      const get = (token: string): Promise<Response> =>
        fetch(`${baseUrl}${path}`, {
          headers: credentialHeader(token),
          ...(signal === undefined ? {} : { signal }),
        }).catch((error: unknown) => {
          signal?.throwIfAborted();
          throw toKalamError(error, "NETWORK_ERROR");
        });
      const token = await credentials.token();
      let response = await withRetries(true, () => get(token));
      if (response.status === 401) response = await get(await credentials.token(token));
      if (response.ok) return response;
      parseSqlResponse(parseBody(await response.text(), response.status), response.status);
      throw new KalamError("BAD_RESPONSE", `download answered with status ${response.status}`, {
        status: response.status,
      });
    },
  };
}

function credentialHeader(token: string): Record<string, string> {
  return token.startsWith(API_KEY_PREFIX) ? { "x-api-key": token } : { authorization: `Bearer ${token}` };
}

function requestBody(sql: string, params: readonly Param[], namespace: string | undefined): string {
  const values = paramValues(params);
  return toJson({ sql, params: values.length === 0 ? undefined : values, namespace_id: namespace });
}

function formOf(
  sql: string,
  files: FileParts,
  { params, namespace }: Pick<SqlOptions, "params" | "namespace">,
): FormData {
  const form = new FormData();
  form.set("sql", sql);
  if (params.length > 0) form.set("params", toJson(paramValues(params)));
  if (namespace !== undefined) form.set("namespace_id", namespace);
  for (const [name, file] of Object.entries(files)) {
    // A Blob without a name would be called "blob".
    if (file instanceof File) form.set(`file:${name}`, file);
    else form.set(`file:${name}`, file, name);
  }
  return form;
}

function paramValues(params: readonly Param[]): JsonValue[] {
  return params.map((param, index) => {
    const values: readonly unknown[] = Array.isArray(param) ? param : [param];
    if (values.every((value) => typeof value !== "number" || Number.isFinite(value))) return paramValue(param);
    throw new KalamError("INVALID_PARAMETER", `parameter $${index + 1} is not a finite number`);
  });
}

async function withRetries<T>(isRepeatableRequest: boolean, send: () => Promise<T>): Promise<T> {
  for (let retry = 1; ; retry++) {
    try {
      return await send();
    } catch (error) {
      const isLost = error instanceof KalamError && error.code === "NETWORK_ERROR";
      if (!isLost || !isRepeatableRequest || retry > MAX_RETRIES) throw error;
      await wait(RETRY_STEP_MS * retry);
    }
  }
}

function errorCode(body: unknown): unknown {
  const error = isObject(body) ? body["error"] : undefined;
  return isObject(error) ? error["code"] : undefined;
}
