import { createServer } from "node:net";

/** Below what systems give to outgoing connections: a port that a server has left for a moment is taken by none of those, not even by one to that very port. */
const FIRST_PORT = 12_000;
const LAST_PORT = 30_000;

/** To try: another server may listen there. */
export function anyPort(): number {
  return FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
}

/** Of a server that ends and comes back in the same place. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = anyPort();
    const server = createServer();
    const { promise: isFree, resolve } = Promise.withResolvers<boolean>();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    if (await isFree) return port;
  }
}
