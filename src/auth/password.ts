// Password hashing off the event loop, with a bound on how much memory a storm of logins can take, and the password policy.
import { DbError } from "../base/errors.ts";
import { Gate } from "./gate.ts";

/**
 * OWASP's second argon2id profile: 19 MiB, two passes, one lane. Measured 20-40 ms each on two cores; the 64 MiB default takes 91-142 ms and three
 * times the memory, so that eight logins at once would already take half a second.
 */
const MEMORY_KIB = 19_456;
const TIME_COST = 2;

/** Two hashes at once fill the two cores the server is sized for; 256 waiting is about four seconds of work. */
export const HASHING_LIMITS = { concurrent: 2, waiting: 256 } as const;

export class Passwords {
  readonly #gate: Gate;
  readonly #unmatchable = unmatchableHash();

  constructor(limits: { readonly concurrent: number; readonly waiting: number } = HASHING_LIMITS) {
    this.#gate = new Gate(limits);
  }

  /** PHC text. The password has passed the policy, so it is not empty. */
  hash(password: string): Promise<string> {
    return this.#gate.run(() =>
      Bun.password.hash(password, { algorithm: "argon2id", memoryCost: MEMORY_KIB, timeCost: TIME_COST }),
    );
  }

  /** An empty hash (no such user, or no password set) is never matched and takes as long as a real one. */
  verify(password: string, hash: string): Promise<boolean> {
    return this.#gate.run(() => Bun.password.verify(password, hash === "" ? this.#unmatchable : hash));
  }
}

/** A well-formed hash of the same cost whose digest is random: finding its password is finding a preimage. */
function unmatchableHash(): string {
  const random = (): string => crypto.getRandomValues(new Uint8Array(32)).toBase64({ omitPadding: true });
  return `$argon2id$v=19$m=${MEMORY_KIB},t=${TIME_COST},p=1$${random()}$${random()}`;
}

export interface PasswordPolicy {
  readonly minLength: number;
  readonly isComplex: boolean;
  /** Whose it is: their id is no password. */
  readonly user?: string;
}

const MAX_PASSWORD_BYTES = 72;

const COMMON_PASSWORDS = new Set(
  (
    "password 123456 12345678 qwerty abc123 monkey 1234567 letmein trustno1 dragon baseball iloveyou " +
    "master sunshine ashley bailey passw0rd shadow 123123 654321 superman qazwsx michael football"
  ).split(" "),
);

const COMPLEXITY: readonly (readonly [RegExp, string])[] = [
  [/\p{Lu}/u, "an upper-case letter"],
  [/\p{Ll}/u, "a lower-case letter"],
  [/\p{Nd}/u, "a digit"],
  [/[^\p{L}\p{N}]/u, "a special character"],
];

/** Throws WEAK_PASSWORD; `what` names the password in the message, which never contains it. */
export function assertStrongPassword(password: string, policy: PasswordPolicy, what = "Password"): void {
  const fault = passwordFault(password, policy);
  if (fault !== undefined) throw new DbError("WEAK_PASSWORD", `${what} ${fault}`);
}

function passwordFault(password: string, { minLength, isComplex, user }: PasswordPolicy): string | undefined {
  const length = Array.from(password).length;
  if (length < Math.max(1, minLength)) return `must be at least ${minLength} characters long`;
  if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return `must be at most ${MAX_PASSWORD_BYTES} bytes long`;
  const lowered = password.toLowerCase();
  if (COMMON_PASSWORDS.has(lowered)) return "is too common";
  if (lowered === user?.toLowerCase()) return "must not be the id of the user";
  if (!isComplex) return undefined;
  const missing = COMPLEXITY.filter(([pattern]) => !pattern.test(password)).map(([, name]) => name);
  return missing.length === 0 ? undefined : `must contain ${missing.join(", ")}`;
}
