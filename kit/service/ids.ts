import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.ts";

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Unpredictable bytes and ids, passed in so that tests can hold them. */
export interface Random {
  bytes(size: number): Buffer;
  /** `<prefix>_` and a lower-case ULID: 48 bits of milliseconds, then 80 random bits (github.com/ulid/spec). */
  id(prefix: string): string;
}

/** Ids stamped by `clock`, random bits from the operating system unless `bytes` is given. */
export function createRandom(clock: Clock, bytes: (size: number) => Buffer = randomBytes): Random {
  return {
    bytes,
    id(prefix) {
      let timeMs = clock.nowMs();
      let time = "";
      for (let i = 0; i < 10; i++) {
        time = alphabet.charAt(timeMs % 32) + time;
        timeMs = Math.floor(timeMs / 32);
      }
      let random = "";
      for (const byte of bytes(16)) random += alphabet.charAt(byte & 31);
      return `${prefix}_${time}${random}`;
    },
  };
}
