import assert from "node:assert/strict";
import { test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { parseRedisUrl } from "./redis-address.ts";

test("an address of Redis is read with its user, password, port and TLS", () => {
  assert.deepEqual(parseRedisUrl(new Secret("redis://cache.internal")), {
    server: { host: "cache.internal", port: 6_379 },
    isTls: false,
  });
  const { server, username, password, isTls } = parseRedisUrl(new Secret("rediss://me:p%40ss@[2001:db8::1]:6380"));
  assert.deepEqual(server, { host: "2001:db8::1", port: 6_380 });
  assert.deepEqual([username, password?.reveal(), isTls], ["me", "p@ss", true]);
});

test("anything else is refused without being repeated", () => {
  for (const url of ["redis", "http://h:6379", "redis://", "me:hunter2@host"]) {
    assert.throws(
      () => parseRedisUrl(new Secret(url)),
      (err) => err instanceof TypeError && err.message.includes("redis.url") && !err.message.includes("hunter2"),
    );
  }
});
