// LQ-14: what ends a user's tokens, or the API key, closes the sockets that came with it, in time, and no others. What was shown before is refused from
// then on; whoever has something better comes back.
import { Wrong } from "./model.ts";
import type { SocketRecord } from "./seat.ts";
import { SqlUser } from "./sql-user.ts";
import type { Stage } from "./stage.ts";
import type { Revocation } from "./step.ts";

/** The hard limit of LQ-14, on a machine that runs: one that lets nobody look gives the server no time either. */
const CLOSED_WITHIN_MS = 5_000;
const LOOKS = 1_000;
const REVOKED = "Access revoked";
/** Why a live query ends whose client is refused for good, and a request. */
const REFUSED = /^(INVALID_CREDENTIALS|TOKEN_EXPIRED|unauthorized)\b/;

export async function revoke(stage: Stage, user: SqlUser, how: Revocation): Promise<void> {
  await stage.writes.answered();
  await stage.othersDone();
  const { name } = user;
  const old = how === "key" ? stage.access.key(name) : await stage.access.token(name);
  const byToken = socketsOf(stage, name, false);
  const byKey = socketsOf(stage, name, true);
  if (how === "key" || how === "drop") stage.excuse(name, REFUSED);
  await change(stage, user, how);
  await assertRefused(stage, name, { secret: old, how });
  const ended = how === "drop" ? [...byToken, ...byKey] : how === "key" ? byKey : byToken;
  await assertClosed(ended, `${name}: ${how}`);
  if (ended.length > 0) stage.coverage.count(`socket ended by ${how}`);
  const others = how === "key" ? byToken : byKey;
  if (how !== "drop" && others.some(({ reason }) => reason === REVOKED)) {
    throw new Wrong(`${name}: ${how}: sockets were closed that came with something else`);
  }
  if (how === "drop") await stage.root.must(`UPDATE system.users SET deleted_at = NULL WHERE user_id = '${name}'`);
  if (how === "drop" || how === "key") await stage.access.giveKey(stage.root, name);
  // A token of that very moment is void too.
  await Bun.sleep(2);
  user.renew(await stage.access.token(name));
}

async function change(stage: Stage, user: SqlUser, how: Revocation): Promise<void> {
  const { root, access } = stage;
  const { name } = user;
  switch (how) {
    case "logout":
      return user.logOut();
    case "password":
      await root.must(`ALTER USER '${name}' SET PASSWORD 'pass-word-${crypto.randomUUID()}'`);
      return;
    case "role":
      return access.setRole(root, name, access.roleOf(name) === "service" ? "dba" : "service");
    case "key":
      await root.must(`DROP API KEY sim FOR ${name}`);
      return;
    default:
      await root.must(`DROP USER '${name}'`);
  }
}

/** Those that are open and that a slow reader does not keep us from seeing closed. */
function socketsOf({ places, users }: Stage, name: string, hasKey: boolean): readonly SocketRecord[] {
  const seats = places.filter(({ seat, proxy }) => proxy === undefined && users[seat.user]?.name === name);
  return seats.filter(({ seat }) => seat.hasKey === hasKey).flatMap(({ client }) => [...client.sockets]);
}

async function assertClosed(sockets: readonly SocketRecord[], what: string): Promise<void> {
  const deadline = performance.now() + CLOSED_WITHIN_MS;
  for (let looks = 0; sockets.some(({ isOpen }) => isOpen); looks += 1) {
    if (performance.now() > deadline && looks > LOOKS)
      throw new Wrong(`${what}: a socket is still open after ${CLOSED_WITHIN_MS} ms`);
    await Bun.sleep(2);
  }
}

async function assertRefused(
  { server }: Stage,
  name: string,
  { secret, how }: { readonly secret: string; readonly how: Revocation },
): Promise<void> {
  const answer = await new SqlUser(server.url, name, secret).send("SELECT 1");
  const isRefused = answer.kind === "failed" && REFUSED.test(answer.error ?? "");
  if (!isRefused)
    throw new Wrong(`${name}: ${how}: what was good before is answered with ${answer.kind} ${answer.error}`);
}
