import { Secret } from "@lyss/kit/config/secret.ts";
import type { RedisConnectionOptions } from "@lyss/kit/resilience/redis-limiter-connection.ts";

/** `redis://user:password@host:port` or `rediss://…` in parts. Throws a TypeError, without the URL, for anything else. */
export function parseRedisUrl(url: Secret): RedisConnectionOptions {
  const parsed = URL.canParse(url.reveal()) ? new URL(url.reveal()) : undefined;
  if (!parsed || !/^rediss?:$/.test(parsed.protocol) || parsed.hostname === "") {
    throw new TypeError("redis.url must look like redis://host:6379 or rediss://user:password@host:6380");
  }
  const { hostname, port, username, password, protocol } = parsed;
  return {
    server: { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port || 6_379) },
    ...(username !== "" && { username: decodeURIComponent(username) }),
    ...(password !== "" && { password: new Secret(decodeURIComponent(password)) }),
    isTls: protocol === "rediss:",
  };
}
