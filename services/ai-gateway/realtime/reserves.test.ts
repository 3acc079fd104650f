import assert from "node:assert/strict";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import type { CallToFund, Drawn } from "../funds/funds.ts";
import { createReserves } from "./reserves.ts";

/** A wallet of so many tokens. */
function createWallet(tokens: number) {
  const wallet = { left: tokens, asked: [] as number[] };
  async function setAside({ inputTokens }: CallToFund): Promise<Drawn> {
    const amount = Number(inputTokens);
    wallet.asked.push(amount);
    if (amount > wallet.left) throw new Failure(billingFailures.insufficient_balance, {});
    wallet.left -= amount;
    return {
      begin: () => Promise.reject(new Error("nothing begins here")),
      cancel() {
        wallet.left += amount;
      },
    };
  }
  const target = { provider: { name: "p" }, model: { name: "m", maxOutputTokens: 1 } };
  const reserves = createReserves({
    ...{ funding: { setAside }, clock: systemClock, random: createRandom(systemClock), tags: "", requestId: "req_1" },
    target: target as Parameters<typeof createReserves>[0]["target"],
    caller: { tenantId: "t", userId: "u", keyId: "k" } as Parameters<typeof createReserves>[0]["caller"],
    ...{ most: { inputTokens: 1_000 }, headroom: { inputTokens: 50 } },
  });
  return { wallet, reserves };
}

const isBroke = (err: unknown) => isFailure(err, billingFailures.insufficient_balance);

test("a reserve grows with what it is for, with room to spare, and nothing is held twice for it", async () => {
  const { wallet, reserves } = createWallet(1_000);
  await reserves.ensure(1, { inputTokens: 10 });
  assert.equal(wallet.left, 940);
  assert.equal(reserves.ensure(1, { inputTokens: 60 }), undefined);
  await reserves.ensure(1, { inputTokens: 61 });
  assert.equal(wallet.left, 1_000 - 111);
  await reserves.ensure(2, { inputTokens: 61 });
  assert.equal(wallet.left, 1_000 - 222);
  reserves.end();
  assert.equal(wallet.left, 1_000);
});

test("the last of the money is for exactly what is needed; without it the rest is as it was", async () => {
  const { wallet, reserves } = createWallet(100);
  await reserves.ensure(1, { inputTokens: 20 });
  assert.equal(wallet.left, 30);
  await reserves.ensure(1, { inputTokens: 100 });
  assert.equal(wallet.left, 0);
  await assert.rejects(async () => reserves.ensure(1, { inputTokens: 101 }), isBroke);
  reserves.end();
  assert.equal(wallet.left, 100);
});

test("what is set aside after the end goes back", async () => {
  const { wallet, reserves } = createWallet(100);
  const asking = reserves.ensure(1, { inputTokens: 10 });
  reserves.end();
  await asking;
  assert.equal(wallet.left, 100);
  assert.equal(reserves.take(), undefined);
});
