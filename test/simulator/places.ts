// Who sits where: a client for each seat, behind a proxy when it is to read slowly, with a token that is signed when it is needed.
import { SignJWT } from "jose";
import type { Coverage } from "./coverage.ts";
import { LinkSeat } from "./link-seat.ts";
import { PagingSeat } from "./paging-seat.ts";
import type { SeatClient } from "./seat.ts";
import { JWT_SECRET } from "./simulated-server.ts";
import { SlowProxy } from "./slow-proxy.ts";
import { SEATS, type Seat, USERS } from "./step.ts";

export interface Place {
  readonly seat: Seat;
  readonly client: SeatClient;
  readonly proxy: SlowProxy | undefined;
}

const LIFE_SECONDS = 7_200;
/** The clients of this user renew theirs in place, or come back when it has expired. */
const SHORT_LIVED: (typeof USERS)[number] = "cat";
const SHORT_LIFE_SECONDS = 4;

export function createPlaces(url: string, coverage: Coverage): readonly Place[] {
  return SEATS.map((seat) => {
    const proxy = seat.isSlow ? new SlowProxy(url) : undefined;
    const [protocol, notation] = seat.family.split("-");
    const user = USERS[seat.user] ?? USERS[0];
    const options = {
      url: proxy?.url ?? url,
      token: () => signToken(user, user === SHORT_LIVED ? SHORT_LIFE_SECONDS : LIFE_SECONDS),
      format: notation === "msgpack" ? "msgpack" : "json",
      coverage,
    } as const;
    if (protocol === "paging") return { seat, proxy, client: new PagingSeat(options) };
    return { seat, proxy, client: new LinkSeat({ ...options, protocol: protocol === "native" ? "native" : "peer" }) };
  });
}

/** As the server signs them. */
export function signToken(user: string, lifeSeconds = LIFE_SECONDS): Promise<string> {
  const nowMs = Date.now();
  return new SignJWT({ email: null, role: "service", token_type: "access", iat_ms: nowMs })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(user)
    .setIssuer("kalamdb")
    .setIssuedAt(Math.floor(nowMs / 1000))
    .setExpirationTime(Math.floor(nowMs / 1000) + lifeSeconds)
    .setJti(crypto.randomUUID())
    .sign(new TextEncoder().encode(JWT_SECRET));
}
