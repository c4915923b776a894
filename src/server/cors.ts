// Cross-origin rules: closed by default. A browser page of another origin may use the server only if that origin is on the list.

const METHODS = "GET, POST, OPTIONS";
const HEADERS = "Authorization, X-API-Key, Content-Type, Accept, X-Request-ID";
const MAX_AGE_SECONDS = "3600";

export interface Cors {
  /** False: a request that a browser made on behalf of a page the server does not trust. */
  allows(request: Request): boolean;
  /** Headers for the answer to this request; empty when it is not cross-origin. */
  headers(request: Request): Record<string, string>;
  preflight(request: Request): Response;
}

export function createCors(allowedOrigins: readonly string[]): Cors {
  const isOpen = allowedOrigins.includes("*");
  const listed = new Set(allowedOrigins);
  const isAllowed = (origin: string, request: Request): boolean =>
    isOpen || listed.has(origin) || isSameOrigin(origin, request.headers.get("host"));
  const headers = (request: Request): Record<string, string> => {
    const origin = request.headers.get("origin");
    if (origin === null || !isAllowed(origin, request)) return {};
    return { "access-control-allow-origin": origin, vary: "Origin" };
  };
  return {
    allows(request) {
      const origin = request.headers.get("origin");
      return origin === null || isAllowed(origin, request);
    },
    headers,
    preflight(request) {
      const allowed = headers(request);
      if (Object.keys(allowed).length === 0) return new Response(null, { status: 403 });
      return new Response(null, {
        status: 204,
        headers: {
          ...allowed,
          "access-control-allow-methods": METHODS,
          "access-control-allow-headers": HEADERS,
          "access-control-max-age": MAX_AGE_SECONDS,
        },
      });
    },
  };
}

/** The page came from this server, under whatever name the browser knows it by. */
export function isSameOrigin(origin: string, host: string | null): boolean {
  return URL.canParse(origin) && host !== null && new URL(origin).host === host;
}
