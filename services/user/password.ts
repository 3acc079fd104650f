import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { hash, verify } from "@node-rs/argon2";

const minLength = 12;
const maxLength = 200;
// About 50 ms on a 2026 server core; above OWASP's least for argon2id (19 MiB, 2 passes).
const cost = { memoryCost: 65_536, timeCost: 3, parallelism: 1 };

/** The most common passwords of that length in public lists of breaches (SecLists, HIBP), in lower case. */
const commonPasswords = new Set(
  `123456789012 1234567890123 12345678901234 123456789123 1234567891234 123123123123 123412341234 111111111111
  000000000000 121212121212 112233445566 987654321098 098765432109 147258369147 123456123456 1234567890qwe
  123qweasdzxc 1q2w3e4r5t6y 1q2w3e4r5t6y7u8i 1qaz2wsx3edc 1qaz2wsx3edc4rfv q1w2e3r4t5y6 qazwsxedcrfv qwertyuiop12
  qwertyuiop123 qwertyuiop[] qwertyuiopasdf qwertyuiopasdfghjkl qwerty123456 qwerty1234567 asdfghjkl123 asdfghjklzxcvbnm
  zxcvbnm12345 zxcvbnmasdfghjkl password1234 password12345 password123456 passwordpassword password123! password1234!
  passw0rd1234 p@ssw0rd1234 p@ssword1234 administrator adminadmin12 admin1234567 admin12345678 adminpassword
  changeme1234 changemenow1 letmein12345 letmeinletmein welcome12345 welcome123456 iloveyou1234 iloveyouforever
  iloveyou12345 abcdefghijkl abcd12345678 abcdef123456 abc123abc123 aaaaaaaaaaaa a123456789012 woaini123456 woaini520520
  woaini1314520 5201314520131 5201314woaini 1234qwerasdf qwer1234asdf qwerasdfzxcv monkey123456 dragon123456
  football1234 baseball1234 superman1234 princess1234 sunshine1234 michael12345 trustno1trustno1 secretsecret`.split(
    /\s+/,
  ),
);

/** Throws `password_length` or `password_common` for one that may not be chosen. */
export function requireGoodPassword(password: Secret): void {
  const text = normalize(password);
  const length = [...text].length;
  if (length < minLength || length > maxLength) {
    throw new Failure(userFailures.password_length, { minLength, maxLength });
  }
  if (commonPasswords.has(text.toLowerCase())) throw new Failure(userFailures.password_common);
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
