import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { CallOutcome, ServiceMode } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { type Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { loadShedFailures } from "@lyss/kit/resilience/load-shed-failures.ts";
import { call, names, reserved, spentOf, start, startMs, wanted } from "./funder-test-world.ts";
import { meteredTokens } from "./funds.ts";
import { addGranted } from "./lease-book.ts";

test("a call is paid from the lease where that has the most it can cost, at the price of now, and billing is not asked", async () => {
  for (const isSlow of [false, true]) {
    const { fund, heldCallIds, lease, takeAsked } = start({ leasedNanos: 100n, isSlow });
    const funds = await fund(call);
    assert.deepEqual(takeAsked(), [
      ["price", wanted, startMs],
      ["draw", 100n, 55n, 1n],
      ["begin", "lse_1", "prc_1"],
    ]);
    assert.deepEqual([funds.outputTokens, funds.raise, heldCallIds.size], [45n, undefined, 0]);
    assert.deepEqual([lease.money.free, lease.money.out], [0n, 100n]);
  }
});

test("what is drawn for a call is given back, or is what it is paid from; nothing is written down before", async () => {
  for (const isSlow of [false, true]) {
    const { drawForCall, lease, ended, takeAsked } = start({ leasedNanos: 100n, isSlow });
    const drawing = drawForCall(call);
    assert.equal(drawing instanceof Promise, isSlow);
    const drawn = await drawing;
    assert.deepEqual(names(takeAsked()), ["price", "draw"]);
    assert.deepEqual([lease.money.free, lease.money.out], [0n, 100n]);
    assert.equal(await drawForCall(call), undefined, "nothing is left for another");
    takeAsked();
    drawn?.cancel();
    assert.deepEqual([lease.money.free, lease.money.out], [100n, 0n]);
    const again = await drawForCall(call);
    const funds = await again?.begin();
    assert.deepEqual(takeAsked().at(-1), ["begin", "lse_1", "prc_1"]);
    assert.deepEqual([funds?.outputTokens, funds?.raise], [45n, undefined]);
    assert.equal(await funds?.settle(spentOf()), 40n);
    assert.deepEqual([lease.money.free, ended[0]?.fact.startedAtMs], [60n, BigInt(startMs)]);
  }
});

test("while too many calls wait to be charged no other begins, and nothing is asked for it", async () => {
  const { fund, drawForCall, lease, state, takeAsked } = start({ leasedNanos: 100n });
  state.isBehind = true;
  assert.equal(await drawForCall(call), undefined);
  await assert.rejects(fund(call), (err) => isFailure(err, loadShedFailures.overloaded) && err.retryAfterMs === 1_000);
  assert.deepEqual([takeAsked(), lease.money.free], [[], 100n]);
  state.isCatchingUp = true;
  await fund(call);
  assert.equal(lease.money.free, 0n, "it has waited");
});

test("nothing is drawn for a call without a price, and what cannot be written down is given back", async () => {
  const unpriced = start({ leasedNanos: 100n, price: undefined });
  assert.equal(unpriced.drawForCall(call), undefined);
  assert.deepEqual(names(unpriced.takeAsked()), ["price"]);
  const { drawForCall, lease, state } = start({ leasedNanos: 100n });
  state.isDiskFull = true;
  const drawn = await drawForCall(call);
  await assert.rejects(drawn?.begin() ?? Promise.resolve(), (err) => isFailure(err, aiGatewayFailures.cannot_record));
  assert.equal(lease.money.free, 100n);
});

test("the most a call can cost counts every choice, and the dearer of the mode asked for and the usual one", async () => {
  const { fund, takeAsked } = start({ leasedNanos: 10_000n });
  await fund({ ...call, choices: 3 });
  await fund({ ...call, serviceMode: "flex" });
  assert.deepEqual(
    takeAsked().filter((one) => names([one])[0] === "draw"),
    [
      ["draw", 280n, 145n, 1n],
      ["draw", 200n, 55n, 1n],
    ],
  );
});

test("a model without a price is refused before anything is set aside", async () => {
  const { fund, takeAsked } = start({ price: undefined, leasedNanos: 100n });
  await assert.rejects(fund(call), (err) => {
    assert.ok(isFailure(err, billingFailures.price_missing));
    assert.deepEqual(err.details, { model: "m", provider: "p" });
    return true;
  });
  assert.deepEqual(names(takeAsked()), ["price"]);
});

test("where the lease has too little billing sets aside what the call holds, at the price that it names", async () => {
  for (const world of [{ leasedNanos: 99n }, { leasedNanos: 0n }]) {
    const { fund, heldCallIds, takeAsked } = start({ ...world, granted: [30n] });
    const funds = await fund(call);
    const asked = takeAsked().slice(2);
    assert.deepEqual(asked, [
      ["reserve", reserved, { timeoutMs: 70_000 }],
      ["begin", "", "prc_2"],
    ]);
    assert.deepEqual([funds.outputTokens, funds.raise, [...heldCallIds]], [30n, undefined, ["call_1"]]);
  }
});

test("W31: a hold names the price of a call's images; without one it is refused by what they are like", async () => {
  const images = { size: "1024x1024", quality: "hd", priceNames: [] };
  const asked = { ...call, fixed: { images: 2n }, images };
  const named = start({ price: { priceId: "prc_9", name: "m#hd", terms: { rates: { images: 1n } } }, granted: [0n] });
  await named.fund(asked);
  const { images: _, ...rest } = asked;
  assert.deepEqual(named.takeAsked()[2], [
    "reserve",
    { ...rest, serviceMode: 0, priceName: "m#hd" },
    { timeoutMs: 70_000 },
  ]);
  const unpriced = start({ price: { priceId: "prc_1", terms: { rates: { input: 0n } } } }).fund(asked);
  await assert.rejects(unpriced, (err) => isFailure(err, aiGatewayFailures.image_price_missing));
});

test("what a call asks for is asked of billing: its mode, and of a metered one the first of its output", async () => {
  const { fund, takeAsked } = start({ granted: [9_000n, 9_000n, 100n, 100n] });
  const long = { ...call, maxOutputTokens: 9_000n };
  await fund({ ...long, serviceMode: "batch" });
  await fund({ ...long, isMetered: true });
  await fund({ ...call, maxOutputTokens: 100n, isMetered: true });
  const [plain, metered, short] = takeAsked().flatMap((one) => {
    const [name, request] = one as [string, { maxOutputTokens: bigint; serviceMode: ServiceMode }];
    return name === "reserve" ? [[request.maxOutputTokens, request.serviceMode]] : [];
  });
  assert.deepEqual(plain, [9_000n, ServiceMode.BATCH]);
  assert.deepEqual(metered, [BigInt(meteredTokens), ServiceMode.UNSPECIFIED]);
  assert.deepEqual(short, [100n, ServiceMode.UNSPECIFIED]);
});

test("a metered call that began with less than its most may ask for more, part by part, until it has its most", async () => {
  const { fund, takeAsked } = start({ granted: [2_048n, 4_000n, 5_000n] });
  const { outputTokens, raise } = await fund({
    ...call,
    maxOutputTokens: 5_000n,
    isMetered: true,
    serviceMode: "flex",
  });
  assert.ok(raise);
  assert.equal(outputTokens, 2_048n);
  takeAsked();
  assert.equal(await raise(), 4_000n);
  assert.equal(await raise(), undefined, "that is the most");
  const more = { callId: "call_1", tenantId: "ten_1", inputTokens: 10n, choices: 1, serviceMode: ServiceMode.FLEX };
  assert.deepEqual(takeAsked(), [
    ["raise", { ...more, maxOutputTokens: 4_096n, minOutputTokens: 2_049n }],
    ["raise", { ...more, maxOutputTokens: 5_000n, minOutputTokens: 4_001n }],
  ]);
});

test("only a metered call with a hold of its own and less than its most may ask for more", async () => {
  const metered = { ...call, isMetered: true };
  assert.equal((await start({ granted: [45n] }).fund(metered)).raise, undefined);
  assert.equal((await start({ granted: [44n] }).fund(call)).raise, undefined);
  assert.equal((await start({ leasedNanos: 100n }).fund(metered)).raise, undefined);
  assert.ok((await start({ granted: [44n] }).fund(metered)).raise);
});

test("what a call from the lease did not use is free at once, and what it cost stays out until it is charged", async () => {
  const { fund, lease, ended } = start({ leasedNanos: 100n });
  const funds = await fund(call);
  assert.equal(await funds.settle(spentOf()), 40n);
  assert.deepEqual([lease.money.free, lease.money.out], [60n, 40n]);
  const [end] = ended;
  assert.ok(end);
  const { leaseId, priceId, outcome, tokens, startedAtMs, latencyMs } = end.fact;
  assert.deepEqual(
    [leaseId, priceId, outcome, tokens?.outputTokens, startedAtMs, latencyMs],
    ["lse_1", "prc_1", CallOutcome.COMPLETED, 15n, BigInt(startMs), 12n],
  );
  end.onPosted();
  assert.deepEqual([lease.money.free, lease.money.out], [60n, 0n]);
});

test("a call counts in a budget of calls, however it ended, unless it failed or nobody knows", async () => {
  const counted = [CallOutcome.COMPLETED, CallOutcome.TRUNCATED, CallOutcome.CANCELED];
  for (const outcome of [...counted, CallOutcome.FAILED, CallOutcome.LOST]) {
    const { fund, lease } = start({ leasedNanos: 1_000n });
    lease.budgetIds = ["bud_1"];
    addGranted(lease, { grantedNanos: 0n, grantedCalls: 10n });
    const funds = await fund(call);
    assert.equal(lease.calls?.free, 9n);
    await funds.settle(spentOf({ outcome }));
    assert.equal(lease.calls?.free, counted.includes(outcome) ? 9n : 10n, CallOutcome[outcome]);
  }
});

test("a call is charged by the mode in which it was served, and one with a hold is held until that is charged", async () => {
  const { fund, heldCallIds, ended, lease } = start({ granted: [45n], leasedNanos: 50n });
  const funds = await fund(call);
  assert.equal(await funds.settle(spentOf({ serviceMode: "flex" })), 80n);
  assert.deepEqual([...heldCallIds], ["call_1"]);
  ended[0]?.onPosted();
  assert.deepEqual([heldCallIds.size, lease.money.free, lease.money.out], [0, 50n, 0n]);
});

test("where the attempt cannot be written nothing is sent: what was drawn goes back, and a hold is released", async () => {
  const refused = (err: unknown) => {
    assert.ok(isFailure(err, aiGatewayFailures.cannot_record));
    assert.match(String((err as Failure).cause), /the disk is full/);
    return true;
  };
  const leased = start({ leasedNanos: 100n });
  leased.state.isDiskFull = true;
  await assert.rejects(leased.fund(call), refused);
  assert.deepEqual([leased.lease.money.free, leased.lease.money.out], [100n, 0n]);
  assert.ok(!names(leased.takeAsked()).includes("settle"));

  const held = start({ granted: [45n] });
  held.state.isDiskFull = true;
  await assert.rejects(held.fund(call), refused);
  const released = { callId: "call_1", tenantId: "ten_1", outcome: CallOutcome.FAILED, tokens: {}, isEstimated: false };
  assert.deepEqual(held.takeAsked().at(-1), ["settle", { ...released, latencyMs: 0n }]);
  assert.deepEqual([held.heldCallIds.size, held.logged], [0, []]);
});

test("a hold that billing cannot be told to release is told of, and frees itself", async () => {
  const { fund, heldCallIds, logged, state } = start({ granted: [45n] });
  Object.assign(state, { isDiskFull: true, isAway: true });
  await assert.rejects(fund(call));
  await setImmediate();
  assert.deepEqual(logged, [["a hold that is not needed could not be released", "call_1", "away"]]);
  assert.equal(heldCallIds.size, 0);
});
