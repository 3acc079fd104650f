import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { hash, verify } from "@node-rs/argon2";

export const minPasswordLength = 12;
export const maxPasswordLength = 200;
// About 50 ms on a 2026 server core; above OWASP's least for argon2id (19 MiB, 2 passes).
const cost = { memoryCost: 65_536, timeCost: 3, parallelism: 1 };

/** Where a password that somebody wants is looked for; each is given it as it is hashed. */
export interface KnownPasswords {
  /** Whether it is one of the most common. */
  readonly isCommon: (password: string) => Promise<boolean>;
  /** Whether it is known from a breach; undefined where nobody is asked. */
  readonly isBreached: ((password: string) => Promise<boolean>) | undefined;
}

/** Throws `password_length`, `password_common` or `password_breached` for one that may not be chosen. */
export type RequireGoodPassword = (password: Secret) => Promise<void>;

export function createPasswordRules({ isCommon, isBreached }: KnownPasswords): RequireGoodPassword {
  return async (password) => {
    const text = normalize(password);
    const { length } = [...text];
    if (length < minPasswordLength || length > maxPasswordLength) {
      const bounds = { minLength: minPasswordLength, maxLength: maxPasswordLength };
      throw new Failure(userFailures.password_length, bounds);
    }
    if (await isCommon(text)) throw new Failure(userFailures.password_common);
    if (await isBreached?.(text)) throw new Failure(userFailures.password_breached);
  };
}

/** Hashes and checks passwords with argon2id, in libuv's pool, at most `maxPending` at one time. */
export async function createPasswordHasher(maxPending: number) {
  /** Checked where there is no account, so that this takes as long as where there is one. */
  const decoy = await hash("nobody's password", cost);
  let pending = 0;

  async function whenFree<T>(work: () => Promise<T>): Promise<T> {
    if (pending >= maxPending) throw new Failure(kitFailures.unavailable, { service: "user" });
    pending += 1;
    try {
      return await work();
    } finally {
      pending -= 1;
    }
  }

  return {
    /** A PHC string with its own salt. Throws `kit.unavailable` when too many wait, as `verify` does. */
    hash: (password: Secret): Promise<string> => whenFree(() => hash(normalize(password), cost)),

    /** Whether the hash is that of the password. Without a hash it never is, and takes as long to say so. */
    async verify(passwordHash: string | undefined, password: Secret): Promise<boolean> {
      const isEqual = await whenFree(() => verify(passwordHash ?? decoy, normalize(password)));
      return isEqual && passwordHash !== undefined;
    },
  };
}

export type PasswordHasher = Awaited<ReturnType<typeof createPasswordHasher>>;

/** The same characters typed on another system are the same password. */
function normalize(password: Secret): string {
  return password.reveal().normalize("NFC");
}
