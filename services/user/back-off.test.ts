import assert from "node:assert/strict";
import { test } from "node:test";
import { accountSubject, addressSubject, waitMs } from "./back-off.ts";

const key = Buffer.alloc(32, 1);
const policy = { freeFailures: 5, maxWaitMs: 900_000, forgetAfterMs: 86_400_000 };

test("the first failures are free, then the wait doubles up to its most", () => {
  const waits = [0, 4, 5, 6, 7, 14, 15, 1_000_000].map((failures) =>
    waitMs(policy, { failures, lastFailedAt: new Date(0) }, 0),
  );
  assert.deepEqual(waits, [0, 0, 1_000, 2_000, 4_000, 512_000, 900_000, 900_000]);
});

test("a wait runs from the last failure, and old failures are forgotten", () => {
  const count = { failures: 7, lastFailedAt: new Date(1_000) };
  assert.equal(waitMs(policy, count, 3_000), 2_000);
  assert.equal(waitMs(policy, count, 5_000), 0);
  const many = { failures: 50, lastFailedAt: new Date(0) };
  assert.equal(waitMs({ ...policy, forgetAfterMs: 60_000 }, many, 59_999), 840_001);
  assert.equal(waitMs({ ...policy, forgetAfterMs: 60_000 }, many, 60_000), 0);
});

test("IPv6 addresses of one customer count as one, and IPv4 is the same however it is written", () => {
  const same: readonly (readonly [string, string])[] = [
    ["2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"],
    ["2001:db8::1", "2001:0DB8:0:0:1::"],
    ["::1", "::2"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
  ];
  for (const [a, b] of same) assert.equal(addressSubject(key, a), addressSubject(key, b), `${a} ${b}`);
  const different: readonly (readonly [string, string])[] = [
    ["2001:db8:1:2::1", "2001:db8:1:3::1"],
    ["192.0.2.1", "192.0.2.2"],
    ["2001:db8::1", "2001:db9::1"],
  ];
  for (const [a, b] of different) assert.notEqual(addressSubject(key, a), addressSubject(key, b), `${a} ${b}`);
});

test("a subject does not tell whose it is", () => {
  const subject = accountSubject(key, "ann@example.com");
  assert.doesNotMatch(subject, /ann|example/);
  assert.notEqual(subject, accountSubject(Buffer.alloc(32, 2), "ann@example.com"));
});
