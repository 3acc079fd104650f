import assert from "node:assert/strict";
import { test } from "node:test";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createSharedCounts, tellEveryMs, unsharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import { createCountHub } from "@lyss/kit/testing/count-hub.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSessionPlaces } from "./session-places.ts";

const limits = { maxSessions: 4, maxSessionsPerTenant: 3, maxSessionsPerKey: 2 };
const callerOf = (tenantId: string, keyId: string) => ({ tenantId, userId: "usr", keyId });
const failsWith = (type: FailureType, limit?: number) => (err: unknown) =>
  isFailure(err, type) && err.details["limit"] === limit;

test("a key, a tenant and a process each have so many sessions open, and a place comes back once", () => {
  const places = createSessionPlaces(limits, { sharedCounts: unsharedCounts });
  const first = places.take(callerOf("t1", "k1"));
  places.take(callerOf("t1", "k1"));
  assert.throws(() => places.take(callerOf("t1", "k1")), failsWith(connectionFailures.too_many_sessions, 2));
  places.take(callerOf("t1", "k2"));
  assert.throws(() => places.take(callerOf("t1", "k3")), failsWith(connectionFailures.too_many_sessions, 3));
  places.take(callerOf("t2", "k4"));
  assert.throws(() => places.take(callerOf("t3", "k5")), failsWith(connectionFailures.sessions_full));
  first();
  first();
  assert.equal(places.size, 3);
  places.take(callerOf("t1", "k1"));
  assert.throws(() => places.take(callerOf("t1", "k1")), failsWith(connectionFailures.too_many_sessions, 2));
});

test("processes that share a port count the sessions of keys and tenants together", () => {
  const clock = createFakeClock();
  const hub = createCountHub();
  const [one, two] = ["a", "b"].map((name) =>
    createSessionPlaces(limits, { sharedCounts: createSharedCounts({ link: hub.join(name), clock }) }),
  );
  one?.take(callerOf("t1", "k1"));
  const second = one?.take(callerOf("t1", "k1"));
  clock.advance(tellEveryMs);
  assert.throws(() => two?.take(callerOf("t1", "k1")), failsWith(connectionFailures.too_many_sessions, 2));
  second?.();
  clock.advance(tellEveryMs);
  two?.take(callerOf("t1", "k1"));
});
