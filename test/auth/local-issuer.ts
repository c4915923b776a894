// An OpenID Connect issuer on a loopback port: discovery, a key set that can rotate, and faults on request.
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export type IssuerFault =
  | "none"
  | "discovery fails"
  | "keys fail"
  | "names another issuer"
  | "redirects"
  | "endless keys"
  | "keys are no key set";

interface SigningKey {
  readonly id: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
}

async function newKey(id: string, algorithm: string): Promise<SigningKey> {
  return { id, algorithm, ...(await generateKeyPair(algorithm, { extractable: true })) };
}

export class LocalIssuer {
  readonly #server: ReturnType<typeof Bun.serve>;
  #keys: SigningKey[] = [];
  fault: IssuerFault = "none";
  readonly asked = { discovery: 0, keys: 0 };

  constructor() {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) => this.#answer(new URL(request.url)),
    });
  }

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}`;
  }

  /** From now on tokens are signed with a new key; the older ones leave the key set. */
  async rotate(id: string, algorithm = "RS256"): Promise<void> {
    this.#keys = [await newKey(id, algorithm)];
  }

  sign(claims: JWTPayload, header: { readonly kid?: string } = {}): Promise<string> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error("rotate() first");
    return new SignJWT(claims)
      .setProtectedHeader({ alg: key.algorithm, kid: header.kid ?? key.id })
      .sign(key.privateKey);
  }

  async publicKey(): Promise<JsonWebKey> {
    const [key] = this.#keys;
    if (key === undefined) throw new Error("rotate() first");
    return await exportJWK(key.publicKey);
  }

  close(): Promise<void> {
    return this.#server.stop(true);
  }

  async #answer({ pathname }: URL): Promise<Response> {
    if (pathname === "/.well-known/openid-configuration") {
      this.asked.discovery += 1;
      if (this.fault === "discovery fails") return new Response("no", { status: 500 });
      if (this.fault === "redirects") return Response.redirect(`${this.url}/elsewhere`);
      const issuer = this.fault === "names another issuer" ? "https://other.example.com" : this.url;
      return Response.json({ issuer, jwks_uri: `${this.url}/keys` });
    }
    this.asked.keys += 1;
    if (this.fault === "keys fail") return new Response("no", { status: 503 });
    if (this.fault === "keys are no key set") return Response.json({ keys: "none" });
    if (this.fault === "endless keys") return new Response(" ".repeat(2_000_000));
    const keys = this.#keys.map(async ({ id, algorithm, publicKey }) => ({
      ...(await exportJWK(publicKey)),
      kid: id,
      alg: algorithm,
      use: "sig",
    }));
    return Response.json({ keys: await Promise.all(keys) });
  }
}
