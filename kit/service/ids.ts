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
  /** Characters of ids to come. One text of which ids are slices: to make a text of each one's bytes costs more than the rest of an id. */
  let pool = "";
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
        pool = toCharacters(bytes(poolBytes));
        used = 0;
      }
      used += 16;
      return `${prefix}_${stamp}${pool.slice(used - 16, used)}`;
    },
  };
}

/** One for each byte, of five of its bits. */
function toCharacters(bytes: Buffer): string {
  const characters = Buffer.allocUnsafe(bytes.length);
  // Not by `map`, which calls for each byte: that took half of what an id costs.
  for (let i = 0; i < bytes.length; i++) characters[i] = alphabetBytes[(bytes[i] as number) & 31] as number;
  return characters.toString("latin1");
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
