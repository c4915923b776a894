// One request and its JSON answer.
import { parseJson } from "../protocol/json.ts";
import { KalamError, toKalamError } from "./kalam-error.ts";

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export async function request(url: string, init: RequestInit): Promise<Answer> {
  let status: number;
  let text: string;
  try {
    const response = await fetch(url, init);
    status = response.status;
    text = await response.text();
  } catch (error) {
    init.signal?.throwIfAborted();
    throw toKalamError(error, "NETWORK_ERROR");
  }
  return { status, body: parseBody(text, status) };
}

export function parseBody(text: string, status: number): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    throw new KalamError("BAD_RESPONSE", `status ${status}: ${text.slice(0, 200)}`, { status, cause });
  }
}
