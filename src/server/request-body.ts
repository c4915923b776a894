// The bodies of requests that are text: how long they may be, and what they may be.
import { DbError } from "../base/errors.ts";

/** By its announced length. */
export function assertShort(request: Request, maxBytes: number): void {
  if (Number(request.headers.get("content-length") ?? 0) <= maxBytes) return;
  throw bodyTooLarge(maxBytes);
}

export function assertJson(request: Request): void {
  const type = request.headers.get("content-type") ?? "application/json";
  if (!type.toLowerCase().includes("json")) {
    throw new DbError(
      "INVALID_INPUT",
      `Invalid JSON payload: Content-Type must be application/json, not ${JSON.stringify(type)}`,
    );
  }
}

export async function bodyText(request: Request, maxBytes: number): Promise<string> {
  assertShort(request, maxBytes);
  try {
    // Without a length it comes in chunks, which are counted as they come.
    if (request.headers.has("content-length") || request.body === null) return await request.text();
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of request.body) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) throw bodyTooLarge(maxBytes);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString("utf8");
  } catch (cause) {
    if (cause instanceof DbError) throw cause;
    throw new DbError("BODY_TOO_LARGE", "The request body could not be read whole", { cause });
  }
}

function bodyTooLarge(maxBytes: number): DbError {
  return new DbError("BODY_TOO_LARGE", `The request body is longer than ${maxBytes} bytes`);
}
