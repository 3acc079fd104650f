import { createHash } from "node:crypto";
import { createGuardedFetch, FetchError } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";

/** Whoever chooses a password waits for it, and no longer. */
const timeoutMs = 1_000;
/** An answer has a thousand lines of 40 bytes. */
const maxBytes = 262_144;
/** Of a SHA-1 in hexadecimal: so much is told to the service, and of a million passwords each has as much in common. */
const prefixLength = 5;

export interface BreachRangeOptions {
  /** `https://api.pwnedpasswords.com/range`, or another that speaks its protocol. */
  readonly url: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Whether a password is known from a breach, asked of a service that learns five characters of its SHA-1 and nothing else: it answers
 * with all that begin with these (Have I Been Pwned, "Searching by range"), padded, so that the length of the answer tells
 * nothing. False when no answer comes within a second, with a line in the log: nobody is kept from choosing a password by that.
 */
export function createBreachRange({ url, clock, log }: BreachRangeOptions): (password: string) => Promise<boolean> {
  const fetchRange = createGuardedFetch({ guard: undefined, clock, timeoutMs, maxBytes });
  const headers = { accept: "text/plain", "add-padding": "true", "user-agent": "lyss" };
  const base = url.replace(/\/$/, "");

  return async (password) => {
    const digest = createHash("sha1").update(password).digest("hex").toUpperCase();
    try {
      const answer = await fetchRange(new URL(`${base}/${digest.slice(0, prefixLength)}`), { method: "GET", headers });
      if (answer.status === 200) return hasSuffix(await answer.text(), digest.slice(prefixLength));
      log.warn({ status: answer.status }, unchecked);
    } catch (err) {
      if (!(err instanceof FetchError)) throw err;
      log.warn({ reason: err.reason }, unchecked);
    }
    return false;
  };
}

const unchecked = "a new password was not looked for in breaches: the range service gives no answer";

/** Lines of a suffix and how often it was seen; padding was never seen. */
function hasSuffix(answer: string, suffix: string): boolean {
  for (const line of answer.split(/\r?\n/)) {
    const [found = "", count = ""] = line.split(":");
    if (found.trim().toUpperCase() === suffix) return Number(count) > 0;
  }
  return false;
}
