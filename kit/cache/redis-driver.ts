import { randomBytes } from "node:crypto";
import type { CacheDriver } from "./cache-driver.ts";
import { connectRedis, type RedisCacheOptions } from "./redis-connection.ts";

/** A mark that is lost costs a reload, never a wrong answer: what has no mark is not valid. */
const markTtlMs = 604_800_000;

/**
 * Texts in Redis 6 or newer, or in what speaks its protocol. Single keys only, so that a cluster needs no hash tags;
 * commands of one read travel together. Resolves also when Redis is away: reads and writes reject until it is there.
 */
export async function createRedisDriver(options: RedisCacheOptions): Promise<CacheDriver & { close(): void }> {
  const redis = await connectRedis(options.url);
  const textKey = (key: string) => `${options.prefix}text:${key}`;
  const markKey = (mark: string) => `${options.prefix}mark:${mark}`;

  async function createMark(mark: string): Promise<string> {
    const drawn = randomBytes(9).toString("base64url");
    const isOurs = await redis.set(markKey(mark), drawn, "PX", markTtlMs, "NX");
    // Another node may have been first; one that is withdrawn in between is a mark of nothing.
    return isOurs ? drawn : ((await redis.get(markKey(mark))) ?? drawn);
  }

  return {
    async read(key, marks) {
      const [stored, ...found] = await Promise.all([
        redis.get(textKey(key)),
        ...marks.map((mark) => redis.get(markKey(mark))),
      ]);
      const current = await Promise.all(marks.map((mark, i) => found[i] ?? createMark(mark)));
      const stamp = current.join(" ");
      const isValid = stored?.startsWith(`${stamp}\n`);
      return { text: isValid ? stored?.slice(stamp.length + 1) : undefined, stamp };
    },
    async write(key, text, ttlMs, stamp) {
      await redis.set(textKey(key), `${stamp}\n${text}`, "PX", ttlMs);
    },
    async withdraw(marks) {
      await Promise.all(marks.map((mark) => redis.del(markKey(mark))));
    },
    close: () => redis.disconnect(),
  };
}
