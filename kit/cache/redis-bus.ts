import { randomBytes } from "node:crypto";
import type { InvalidationBus } from "./cache-driver.ts";
import { connectRedis, type RedisCacheOptions } from "./redis-connection.ts";

const maxMessageLength = 1_048_576;

/** Invalidations over Redis publish/subscribe: at most once, so a connection that was lost counts as a gap. */
export async function createRedisBus(options: RedisCacheOptions): Promise<InvalidationBus & { close(): void }> {
  const [sender, receiver] = await Promise.all([connectRedis(options.url), connectRedis(options.url)]);
  const channel = `${options.prefix}invalidate`;
  const self = randomBytes(9).toString("base64url");
  const hearers = new Set<{ onMarks(marks: readonly string[]): void; onGap(): void }>();

  const listen = () => {
    receiver.subscribe(channel).then(
      () => {
        for (const { onGap } of hearers) onGap();
      },
      () => undefined,
    );
  };
  receiver.on("ready", listen);
  receiver.on("message", (_channel, message) => {
    const marks = readMessage(message, self);
    if (marks) for (const hearer of hearers) hearer.onMarks(marks);
  });
  await receiver.subscribe(channel).catch(() => undefined);

  return {
    async publish(marks) {
      await sender.publish(channel, JSON.stringify([self, ...marks]));
    },
    subscribe(onMarks, onGap) {
      const hearer = { onMarks, onGap };
      hearers.add(hearer);
      return () => hearers.delete(hearer);
    },
    close() {
      sender.disconnect();
      receiver.disconnect();
    },
  };
}

/** The marks in a message; undefined for one of our own and for what is none. */
function readMessage(message: string, self: string): string[] | undefined {
  if (message.length > maxMessageLength) return undefined;
  try {
    const parts: unknown = JSON.parse(message);
    if (!Array.isArray(parts) || !parts.every((part) => typeof part === "string")) return undefined;
    const [from, ...marks] = parts;
    return from === self ? undefined : marks;
  } catch {
    return undefined;
  }
}
