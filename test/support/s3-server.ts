// A small S3 server on loopback: objects in memory, AWS signatures (version 4) checked with node:crypto and not with the client's code, PUT, ranged GET, HEAD,
// DELETE, ListObjectsV2 in pages and multipart uploads. It can be told to fail in the ways that servers and networks do.
import { createHash, createHmac } from "node:crypto";
import type { Server } from "bun";
import { anyPort } from "./free-port.ts";

export const S3_ACCESS_KEY = "AKIDKALAMTEST";
export const S3_SECRET_KEY = "secret/of+the=bucket";
export const S3_BUCKET = "kalam-test";
export const S3_REGION = "eu-central-1";

/** Undefined: answer as a working server does. */
export type Fault = "500" | "503" | "403" | "hang" | "slow" | "truncate" | undefined;

export interface S3Request {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

export interface TestS3 extends AsyncDisposable {
  readonly endpoint: string;
  readonly objects: Map<string, Bytes>;
  readonly requests: S3Request[];
  /** Asked before each request is answered. */
  fault: (request: S3Request) => Fault;
  /** Lets the requests of the fault `slow` be answered, now and later. */
  goOn(): void;
  /** Stops listening; connections are cut. */
  stop(): Promise<void>;
  /** Listens again on the same port, with the same objects. */
  start(): void;
}

type Bytes = Uint8Array<ArrayBuffer>;

interface State {
  readonly objects: Map<string, Bytes>;
  readonly uploads: Map<string, Map<number, Bytes>>;
}

export function startS3(options: { readonly pageKeys?: number } = {}): TestS3 {
  const state: State = { objects: new Map(), uploads: new Map() };
  const pageKeys = options.pageKeys ?? 1000;
  let server: Server<undefined> | undefined;
  let port = 0;
  const going = Promise.withResolvers<void>();
  const test: TestS3 = {
    goOn: () => going.resolve(),
    get endpoint() {
      return `http://127.0.0.1:${port}`;
    },
    objects: state.objects,
    requests: [],
    fault: () => undefined,
    async stop() {
      await server?.stop(true);
    },
    start() {
      server = listen(port, answer);
    },
    async [Symbol.asyncDispose]() {
      await server?.stop(true);
    },
  };
  const answer = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const [, bucket = "", ...names] = url.pathname.split("/").map(decodeURIComponent);
    const asked = { method: request.method, key: names.join("/"), query: url.searchParams };
    test.requests.push(asked);
    const body = new Uint8Array(await request.arrayBuffer());
    const fault = test.fault(asked);
    if (fault === "hang") {
      await Bun.sleep(20_000);
      return failure(503, "SlowDown");
    }
    if (fault === "slow") await going.promise;
    if (fault === "500") return failure(500, "InternalError");
    if (fault === "503") return failure(503, "SlowDown");
    if (fault === "403") return failure(403, "AccessDenied");
    const refused = refusal(request, url, body) ?? (bucket === S3_BUCKET ? undefined : failure(404, "NoSuchBucket"));
    const response = refused ?? (await handle(asked, { request, body, state, pageKeys }));
    if (fault !== "truncate") return response;
    const whole = new Uint8Array(await response.arrayBuffer());
    const half = whole.subarray(0, whole.length >> 1);
    const headers = new Headers(response.headers);
    return new Response(half, { status: response.status, headers });
  };
  while (server === undefined) {
    port = anyPort();
    try {
      test.start();
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    }
  }
  return test;
}

function listen(port: number, answer: (request: Request) => Promise<Response>): Server<undefined> {
  return Bun.serve({ port, hostname: "127.0.0.1", idleTimeout: 60, fetch: (request) => answer(request) });
}

interface Handling {
  readonly request: Request;
  readonly body: Bytes;
  readonly state: State;
  readonly pageKeys: number;
}

async function handle({ method, key, query }: S3Request, handling: Handling): Promise<Response> {
  const { request, body, state } = handling;
  if (method === "GET" && key === "") return list(query, handling);
  if (query.has("uploads") || query.has("uploadId")) return multipart({ method, key, query }, handling);
  if (method === "PUT") {
    state.objects.set(key, body);
    return new Response(null, { headers: { etag: etag(body) } });
  }
  if (method === "DELETE") {
    state.objects.delete(key);
    return new Response(null, { status: 204 });
  }
  const object = state.objects.get(key);
  if (object === undefined) return failure(404, "NoSuchKey");
  const headers = { etag: etag(object), "last-modified": new Date().toUTCString() };
  if (method === "HEAD") {
    return new Response(null, { headers: { ...headers, "content-length": String(object.byteLength) } });
  }
  const range = /^bytes=(\d+)-(\d+)?$/.exec(request.headers.get("range") ?? "");
  if (range === null) return new Response(object, { headers });
  const [, start = "0", end = String(object.byteLength - 1)] = range;
  const part = object.slice(Number(start), Number(end) + 1);
  return new Response(part, {
    status: 206,
    headers: {
      ...headers,
      "content-range": `bytes ${start}-${Number(start) + part.byteLength - 1}/${object.byteLength}`,
    },
  });
}

function multipart({ method, key, query }: S3Request, { body, state }: Handling): Response {
  if (query.has("uploads")) {
    const id = crypto.randomUUID();
    state.uploads.set(id, new Map());
    return xml(`<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }
  const id = query.get("uploadId") ?? "";
  const parts = state.uploads.get(id);
  if (parts === undefined) return failure(404, "NoSuchUpload");
  if (method === "PUT") {
    parts.set(Number(query.get("partNumber")), body);
    return new Response(null, { headers: { etag: etag(body) } });
  }
  state.uploads.delete(id);
  if (method === "DELETE") return new Response(null, { status: 204 });
  const ordered = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
  state.objects.set(key, new Uint8Array(Buffer.concat(ordered)));
  return xml(`<CompleteMultipartUploadResult><Key>${key}</Key></CompleteMultipartUploadResult>`);
}

function list(query: URLSearchParams, { state, pageKeys }: Handling): Response {
  const prefix = query.get("prefix") ?? "";
  const after = query.get("continuation-token") ?? "";
  const limit = Math.min(Number(query.get("max-keys") ?? 1000), pageKeys);
  const keys = [...state.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort();
  const page = keys.slice(0, limit);
  const contents = page.map((key) => {
    const size = state.objects.get(key)?.byteLength ?? 0;
    return `<Contents><Key>${key}</Key><LastModified>${new Date().toISOString()}</LastModified><Size>${size}</Size></Contents>`;
  });
  const isTruncated = keys.length > page.length;
  const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
  const counts = `<KeyCount>${page.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>`;
  return xml(`<ListBucketResult><Name>${S3_BUCKET}</Name>${counts}${next}${contents.join("")}</ListBucketResult>`);
}

function etag(bytes: Uint8Array): string {
  return `"${createHash("md5").update(bytes).digest("hex")}"`;
}

function xml(text: string): Response {
  return new Response(`<?xml version="1.0" encoding="UTF-8"?>${text}`, {
    headers: { "content-type": "application/xml" },
  });
}

function failure(status: number, code: string): Response {
  const text = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>refused ${S3_SECRET_KEY}</Message></Error>`;
  return new Response(text, { status, headers: { "content-type": "application/xml" } });
}

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

/** Undefined when the request is signed by the one user this server knows, for its region. */
function refusal(request: Request, url: URL, body: Uint8Array): Response | undefined {
  const match = AUTHORIZATION.exec(request.headers.get("authorization") ?? "");
  if (match === null) return failure(403, "AccessDenied");
  const [, user = "", day = "", region = "", signed = "", signature] = match;
  if (user !== S3_ACCESS_KEY) return failure(403, "InvalidAccessKeyId");
  if (region !== S3_REGION) return failure(400, "AuthorizationHeaderMalformed");
  const bodyHash = request.headers.get("x-amz-content-sha256") ?? "";
  if (bodyHash !== "UNSIGNED-PAYLOAD" && bodyHash !== createHash("sha256").update(body).digest("hex")) {
    return failure(400, "XAmzContentSHA256Mismatch");
  }
  const headers = signed.split(";").map((name) => `${name}:${(request.headers.get(name) ?? "").trim()}\n`);
  const query = [...url.searchParams].map(([name, value]) => `${encode(name)}=${encode(value)}`).sort();
  const path = url.pathname.split("/").map((name) => encode(decodeURIComponent(name)));
  const canonical = [request.method, path.join("/"), query.join("&"), headers.join(""), signed, bodyHash].join("\n");
  const scope = `${day}/${region}/s3/aws4_request`;
  const hash = createHash("sha256").update(canonical).digest("hex");
  const text = ["AWS4-HMAC-SHA256", request.headers.get("x-amz-date") ?? "", scope, hash].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<Uint8Array | string>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${S3_SECRET_KEY}`,
  );
  const expected = createHmac("sha256", key).update(text).digest("hex");
  return expected === signature ? undefined : failure(403, "SignatureDoesNotMatch");
}

/** Percent-encoding as the signature wants it. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
