import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import {
  assessLease,
  createLease,
  type Draw,
  draw,
  type NodeLease,
  notePosted,
  runsLow,
  settleDraw,
  targetNanos,
  wantNanos,
} from "./lease-book.ts";

function leaseOf(freeNanos: bigint): NodeLease {
  return Object.assign(createLease("lse_1", "ten_1"), { freeNanos, validUntilMs: 1_000 });
}

test("a call draws what it may cost at most, and nothing when there is less or the lease is over", () => {
  const lease = leaseOf(100n);
  assert.equal(draw(lease, 101n, 0), undefined);
  assert.equal(draw(lease, 1n, 1_000), undefined);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [100n, 0n]);
  assert.ok(draw(lease, 100n, 999));
  assert.deepEqual([lease.freeNanos, lease.outNanos], [0n, 100n]);
});

test("what a call did not cost is free at once, and what it cost is out until it is posted", () => {
  const lease = leaseOf(100n);
  const drawn = draw(lease, 60n, 0);
  assert.ok(drawn);
  settleDraw(drawn, 25n);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [75n, 25n]);
  notePosted(drawn);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [75n, 0n]);
});

test("a call that cost more than it drew takes the rest from what is free, as billing does", () => {
  const lease = leaseOf(100n);
  const dear = draw(lease, 40n, 0);
  assert.ok(dear);
  settleDraw(dear, 70n);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [30n, 70n]);
  notePosted(dear);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [30n, 0n]);
});

test("a call that cost more than it drew takes nothing from the others of this node", () => {
  const lease = leaseOf(100n);
  const [dear, other] = [draw(lease, 40n, 0), draw(lease, 60n, 0)];
  assert.ok(dear && other);
  settleDraw(dear, 90n);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [0n, 100n]);
  notePosted(dear);
  settleDraw(other, 10n);
  assert.deepEqual([lease.freeNanos, lease.outNanos], [50n, 10n]);
});

test("a lease is to last for half more than was ever promised at a time of late, and three seconds of spending", () => {
  const lease = leaseOf(1_000n);
  const drawn = draw(lease, 400n, 0);
  assert.ok(drawn);
  settleDraw(drawn, 40n);
  notePosted(drawn);
  assert.equal(assessLease(lease, 1_000, 100), 0n);
  // A quarter of the new rate, three quarters of the peak.
  assert.equal(targetNanos(lease), 450n + 30n);
  assert.equal(wantNanos(lease, 10n), 15n);
  lease.freeNanos = 100n;
  assert.equal(wantNanos(lease, 10n), 380n);
  assert.equal(wantNanos(lease, 1_000n), 1_500n);
  assert.ok(runsLow(lease));
});

test("a lease runs low below a quarter of its target", () => {
  const lease = Object.assign(leaseOf(0n), { peakOutNanos: 400n, rateNanos: 200n });
  assert.equal(targetNanos(lease), 1_200n);
  const isLowAt = (freeNanos: bigint) => runsLow(Object.assign(lease, { freeNanos }));
  assert.deepEqual([isLowAt(299n), isLowAt(300n), isLowAt(301n)], [true, false, false]);
  assert.equal(runsLow(leaseOf(0n)), false, "of which nothing was ever asked");
});

test("what is asked for fills up to the target what is free and promised together", () => {
  const lease = Object.assign(leaseOf(100n), { peakOutNanos: 400n, outNanos: 250n });
  assert.equal(wantNanos(lease, 1n), 250n);
});

test("the rate is averaged over looks, and the peak falls by a quarter a look, never below what is out", () => {
  const lease = Object.assign(leaseOf(0n), {
    rateNanos: 400n,
    costNanos: 1_600n,
    peakOutNanos: 1_000n,
    outNanos: 700n,
  });
  assessLease(lease, 2_000, 0);
  assert.deepEqual([lease.rateNanos, lease.peakOutNanos, lease.costNanos], [500n, 750n, 0n]);
  assessLease(lease, 1_000, 0);
  assert.deepEqual([lease.rateNanos, lease.peakOutNanos], [375n, 700n]);
  assessLease(lease, 0, 0);
  assert.equal(lease.rateNanos, 281n, "two looks at one moment");
});

test("the peak is the most that was out at a time, not the last", () => {
  const lease = leaseOf(100n);
  const drawn = draw(lease, 60n, 0);
  assert.ok(drawn);
  settleDraw(drawn, 0n);
  draw(lease, 10n, 0);
  assert.equal(lease.peakOutNanos, 60n);
});

test("of what is beyond twice the target no more goes back than is free, and nothing where there is nothing beyond", () => {
  const back = (freeNanos: bigint, outNanos: bigint, rateNanos: bigint, nowMs = 0) =>
    assessLease(Object.assign(leaseOf(freeNanos), { outNanos, rateNanos, lastDrawnMs: 3_000 }), 1_000, nowMs);
  // The target is one and a half times what is out, and three seconds at three quarters of the rate.
  assert.equal(back(1_000n, 100n, 40n), 1_100n - 2n * (150n + 90n));
  assert.equal(back(380n, 100n, 40n), 0n);
  assert.equal(back(381n, 100n, 40n), 1n);
  assert.equal(back(100n, 0n, 0n), 100n);
  assert.equal(back(380n, 100n, 40n, 7_999), 0n);
  assert.equal(back(380n, 100n, 40n, 8_000), 380n);
});

test("what is far beyond the target goes back, and after five seconds without a call all of it", () => {
  const lease = leaseOf(10_000n);
  const drawn = draw(lease, 100n, 0);
  assert.ok(drawn);
  settleDraw(drawn, 0n);
  const back = assessLease(lease, 1_000, 10);
  assert.equal(back, 10_000n - 2n * targetNanos(lease));
  lease.freeNanos -= back;
  assert.equal(assessLease(lease, 1_000, 5_000), lease.freeNanos);
});

test("however calls draw, end and are posted, free and out add up to what billing holds, and neither is negative", () => {
  const seed = 5;
  const { between } = createSeeded(seed);
  const lease = leaseOf(0n);
  let held = 0n;
  const open: Draw[] = [];
  const unposted: Draw[] = [];
  for (let step = 0; step < 20_000; step++) {
    const kind = between(0, 4);
    if (kind === 0) {
      const granted = BigInt(between(0, 500));
      lease.freeNanos += granted;
      held += granted;
    } else if (kind === 1) {
      const drawn = draw(lease, BigInt(between(0, 200)), 0);
      if (drawn) open.push(drawn);
    } else if (kind === 2) {
      const [drawn] = open.splice(between(0, Math.max(0, open.length - 1)), 1);
      if (!drawn) continue;
      const cost = BigInt(between(0, 250));
      settleDraw(drawn, cost);
      unposted.push(drawn);
    } else if (kind === 3) {
      const [posted] = unposted.splice(0, 1);
      if (!posted) continue;
      const outNanos = lease.outNanos;
      notePosted(posted);
      held -= outNanos - lease.outNanos;
    } else {
      const back = assessLease(lease, 1_000, between(0, 6_000));
      lease.freeNanos -= back;
      held -= back;
    }
    assert.equal(lease.freeNanos + lease.outNanos, held, `seed ${seed}, step ${step}`);
    assert.ok(lease.freeNanos >= 0n && lease.outNanos >= 0n, `seed ${seed}, step ${step}`);
  }
});
