import assert from "node:assert/strict";
import { test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { call, names, spentOf, start } from "./funder-test-world.ts";

test("a call that goes on has its first draw back before it draws again, and nobody pays for the first", async () => {
  // Enough for one attempt, and not for two.
  const { fund, lease, ended } = start({ leasedNanos: 100n });
  const first = await fund(call);
  const second = await first.goOn({ ...call, attempt: 2, provider: "q" });
  assert.deepEqual([lease.money.free, lease.money.out], [0n, 100n]);
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  const mayHaveUsed = { ...none, inputTokens: 7n };
  assert.equal(await first.settle(spentOf({ outcome: CallOutcome.FAILED, tokens: none, mayHaveUsed })), 0n);
  assert.deepEqual([lease.money.free, lease.money.out], [0n, 100n]);
  assert.equal(await second.settle(spentOf()), 40n);
  assert.deepEqual(
    ended.map(({ fact }) => [
      fact.attempt,
      fact.provider,
      fact.isUncharged,
      fact.outcome,
      fact.mayHaveUsed?.inputTokens,
    ]),
    [
      [1, "p", true, CallOutcome.FAILED, 7n],
      [2, "q", false, CallOutcome.COMPLETED, undefined],
    ],
  );
  for (const { onPosted } of ended) onPosted();
  assert.deepEqual([lease.money.free, lease.money.out], [60n, 0n]);
});

test("a hold goes on with its call, is asked for anew at billing, and ends with the last attempt", async () => {
  const { fund, heldCallIds, ended, takeAsked } = start({ granted: [45n, 30n] });
  const first = await fund(call);
  takeAsked();
  const second = await first.goOn({ ...call, attempt: 2, provider: "q" });
  assert.deepEqual(names(takeAsked()), ["price", "reserve", "begin"]);
  assert.equal(second.outputTokens, 30n);
  await first.settle(spentOf({ outcome: CallOutcome.FAILED }));
  ended[0]?.onPosted();
  assert.deepEqual([...heldCallIds], ["call_1"]);
  await second.settle(spentOf());
  ended[1]?.onPosted();
  assert.equal(heldCallIds.size, 0);
});

test("a call that has no money to go on ends with its first attempt, as it would have", async () => {
  const { fund, lease, ended, state } = start({ leasedNanos: 100n });
  const first = await fund(call);
  state.isDiskFull = true;
  await assert.rejects(first.goOn({ ...call, attempt: 2 }), (err) => isFailure(err, aiGatewayFailures.cannot_record));
  const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  await first.settle(spentOf({ outcome: CallOutcome.FAILED, tokens: none }));
  assert.deepEqual([ended[0]?.fact.attempt, ended[0]?.fact.isUncharged], [1, false]);
  ended[0]?.onPosted();
  assert.deepEqual([lease.money.free, lease.money.out], [100n, 0n]);
});

test("of two attempts beside each other one is charged and the other gives its draw back, whichever began first", async () => {
  for (const loser of [0, 1]) {
    const { fund, lease, ended } = start({ leasedNanos: 250n });
    const first = await fund(call);
    const second = await first.beside?.({ ...call, attempt: 2, provider: "q" });
    assert.ok(second);
    assert.deepEqual([lease.money.free, lease.money.out], [50n, 200n], "both are set aside for");
    const both = [first, second] as const;
    const [left, kept] = [both[loser], both[1 - loser]];
    left?.forgo();
    assert.deepEqual([lease.money.free, lease.money.out], [150n, 100n]);
    assert.equal(await kept?.settle(spentOf()), 40n);
    assert.equal(await left?.settle(spentOf({ outcome: CallOutcome.CANCELED })), 0n);
    const charged = ended.filter(({ fact }) => !fact.isUncharged).map(({ fact }) => fact.attempt);
    assert.deepEqual([charged, ended.length], [[2 - loser], 2]);
    for (const { onPosted } of ended) onPosted();
    assert.deepEqual([lease.money.free, lease.money.out], [210n, 0n]);
  }
});

test("money that is not at hand for two at once is asked of nobody: a hold has no attempt beside it", async () => {
  const { fund, lease, takeAsked } = start({ leasedNanos: 150n });
  const first = await fund(call);
  takeAsked();
  const wanting = first.beside?.({ ...call, attempt: 2 });
  await assert.rejects(wanting ?? Promise.resolve(), (err) => isFailure(err, kitFailures.unavailable));
  assert.deepEqual(names(takeAsked()), ["price", "draw"]);
  assert.deepEqual([lease.money.free, lease.money.out], [50n, 100n]);
  const held = await start({ granted: [45n] }).fund(call);
  assert.equal(held.beside, undefined);
});
