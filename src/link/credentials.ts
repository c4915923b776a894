// Where the bearer token comes from. A token is asked for once and kept; whoever is told that it expired asks for a fresh one.
import { KalamError } from "./kalam-error.ts";

export type Secret =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  /** A key made by CREATE API KEY. */
  | { readonly apiKey: string };

export type Auth =
  | Secret
  /** Called for the first token, again before it expires, and whenever the last one was refused. */
  | { readonly provider: () => Promise<Secret> };

export interface Credentials {
  /** Whether another token can be had than the first. */
  readonly isRenewable: boolean;
  /** `refused` is the token that did not work; the answer is another one. Throws when no other can be had. */
  token(refused?: string): Promise<string>;
}

export type Login = (user: string, password: string) => Promise<string>;

export function createCredentials(auth: Auth, login: Login): Credentials {
  let current: Promise<string> | undefined;

  const exchange = async (refused: string | undefined): Promise<string> => {
    const secret = "provider" in auth ? await auth.provider() : auth;
    const token = await tokenOf(secret, login);
    if (token !== refused) return token;
    throw new KalamError("TOKEN_EXPIRED", "the token was refused and there is no other");
  };
  const ask = (refused: string | undefined): Promise<string> => {
    const asked = exchange(refused);
    current = asked;
    // A failure is not kept: the next caller tries again.
    asked.catch(() => {
      if (current === asked) current = undefined;
    });
    return asked;
  };

  return {
    isRenewable: "provider" in auth || "user" in auth,
    async token(refused) {
      const kept = current;
      if (kept === undefined) return ask(refused);
      const token = await kept;
      if (token !== refused) return token;
      // Of many who were refused at the same time only the first asks; the others wait for the same answer.
      return current === kept || current === undefined ? ask(refused) : current;
    },
  };
}

function tokenOf(secret: Secret, login: Login): string | Promise<string> {
  if ("token" in secret) return secret.token;
  return "apiKey" in secret ? secret.apiKey : login(secret.user, secret.password);
}
