import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
const alphabetBytes = Buffer.from(alphabet);

/** Unpredictable bytes and ids, passed in so that tests can hold them. */
export interface Random {
  bytes(size: number): Buffer;
  /** `<prefix>_` and a lower-case ULID: 48 bits of milliseconds, then 80 random bits (github.com/ulid/spec). */
  id(prefix: string): string;
}

/** Random bytes fetched at a time for ids: the system call costs ten times what an id needs of it. */
const poolBytes = 4_096;

/** Ids stamped by `clock`, random bits from the operating system unless `bytes` is given. */
export function createRandom(clock: Clock, bytes: (size: number) => Buffer = randomBytes): Random {
  /** Characters of ids to come. */
  let pool: Buffer = Buffer.alloc(0);
  let used = 0;
  let stampedMs = Number.NaN;
  let stamp = "";

  return {
    bytes,
    id(prefix) {
      const timeMs = clock.nowMs();
      if (timeMs !== stampedMs) {
        stamp = toStamp(timeMs);
        stampedMs = timeMs;
      }
      if (used + 16 > pool.length) {
        pool = Buffer.from(bytes(poolBytes).map((byte) => alphabetBytes[byte & 31] as number));
        used = 0;
      }
      used += 16;
      return `${prefix}_${stamp}${pool.toString("latin1", used - 16, used)}`;
    },
  };
}

function toStamp(timeMs: number): string {
  let rest = timeMs;
  let stamp = "";
  for (let i = 0; i < 10; i++) {
    stamp = alphabet.charAt(rest % 32) + stamp;
    rest = Math.floor(rest / 32);
  }
  return stamp;
}
