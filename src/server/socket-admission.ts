// Who may open another WebSocket, and who may try to authenticate. Sockets are counted in total and for each client address; of attempts to authenticate only those
// that failed count, so that any number of clients with good tokens may come back at once.
import { rateLimitKey } from "../auth/client-ip.ts";
import { RateLimiter } from "../auth/rate-limit.ts";
import type { Clock } from "../base/clock.ts";
import { DbError } from "../base/errors.ts";

export interface SocketAdmissionOptions {
  readonly maxSockets: number;
  readonly maxSocketsPerAddress: number;
  /** A second, for each client address. */
  readonly failedAttempts: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Clients whose attempts are counted at a time. */
export const MAX_ADDRESSES_COUNTED = 100_000;

export class SocketAdmission {
  readonly #options: SocketAdmissionOptions;
  readonly #failures: RateLimiter;
  /** Of addresses with open sockets only. */
  readonly #openByAddress = new Map<string, number>();
  #open = 0;

  constructor(options: SocketAdmissionOptions) {
    this.#options = options;
    const { failedAttempts, clock } = options;
    this.#failures = new RateLimiter({ perSecond: failedAttempts, capacity: MAX_ADDRESSES_COUNTED, clock });
  }

  /** Addresses with open sockets, for the test that nothing is left behind. */
  get addresses(): number {
    return this.#openByAddress.size;
  }

  /** What is wrong with one more socket; undefined: nothing. */
  refusal(address: string): DbError | undefined {
    const { maxSockets, maxSocketsPerAddress } = this.#options;
    if (this.#open >= maxSockets) return new DbError("SERVER_BUSY", `More than ${maxSockets} WebSockets are open`);
    if ((this.#openByAddress.get(rateLimitKey(address)) ?? 0) < maxSocketsPerAddress) return undefined;
    return new DbError("TOO_MANY_CONNECTIONS", `More than ${maxSocketsPerAddress} WebSockets are open from ${address}`);
  }

  opened(address: string): void {
    const key = rateLimitKey(address);
    this.#open += 1;
    this.#openByAddress.set(key, (this.#openByAddress.get(key) ?? 0) + 1);
  }

  closed(address: string): void {
    const key = rateLimitKey(address);
    const left = (this.#openByAddress.get(key) ?? 0) - 1;
    this.#open -= 1;
    if (left > 0) this.#openByAddress.set(key, left);
    else this.#openByAddress.delete(key);
  }

  /** Throws RATE_LIMIT_EXCEEDED while too many attempts from there have failed. */
  assertMayAuthenticate(address: string): void {
    if (this.#failures.has(rateLimitKey(address))) return;
    throw new DbError("RATE_LIMIT_EXCEEDED", "Too many authentication attempts. Please retry shortly.");
  }

  authenticationFailed(address: string): void {
    this.#failures.take(rateLimitKey(address));
  }
}
