// Who sits where: a client for each seat, behind a proxy when it is to read slowly, with a token that is signed when it is needed, or an API key.
import type { Access } from "./access.ts";
import type { Coverage } from "./coverage.ts";
import { LinkSeat } from "./link-seat.ts";
import { PagingSeat } from "./paging-seat.ts";
import type { SeatClient } from "./seat.ts";
import { SlowProxy } from "./slow-proxy.ts";
import { SEATS, type Seat, USERS } from "./step.ts";

export interface Place {
  readonly seat: Seat;
  readonly client: SeatClient;
  readonly proxy: SlowProxy | undefined;
}

export function createPlaces(url: string, access: Access, coverage: Coverage): readonly Place[] {
  return SEATS.map((seat) => {
    const proxy = seat.isSlow ? new SlowProxy(url) : undefined;
    const [protocol, notation] = seat.family.split("-");
    const user = USERS[seat.user] ?? USERS[0];
    const options = {
      url: proxy?.url ?? url,
      token: async () => (seat.hasKey ? access.key(user) : access.clientToken(user)),
      format: notation === "msgpack" ? "msgpack" : "json",
      coverage,
    } as const;
    if (protocol === "paging") return { seat, proxy, client: new PagingSeat(options) };
    return { seat, proxy, client: new LinkSeat({ ...options, protocol: protocol === "native" ? "native" : "peer" }) };
  });
}
