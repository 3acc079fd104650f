import assert from "node:assert/strict";
import { test } from "node:test";
import type { Client } from "@connectrpc/connect";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { type BillingService, ServiceMode } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { pino } from "pino";
import { readRequest } from "../call/read-request.ts";
import type { BudgetPaths } from "./budget-paths.ts";
import type { FactJournal } from "./fact-journal.ts";
import { createFunder } from "./funder.ts";
import type { CallToFund } from "./funds.ts";
import { imageFormOf, imagePriceNames } from "./image-prices.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import type { KnownPrice } from "./price-cache.ts";

const formOf = (fields: object) =>
  imageFormOf(readRequest("imageGenerations", Buffer.from(JSON.stringify({ model: "m", prompt: "a cat", ...fields }))));

test("W31: what a request of images leaves out is what OpenAI's API takes it for, and its nearest price comes first", () => {
  assert.deepEqual(formOf({}), { size: "1024x1024", quality: "standard" });
  const asked = formOf({ size: "auto", quality: "hd" }) ?? assert.fail();
  assert.deepEqual(imagePriceNames("m", asked), ["m#hd/auto", "m#auto", "m#hd"]);
  const chat = readRequest("chat", Buffer.from('{"model":"m","size":7,"messages":[{"role":"user","content":"hi"}]}'));
  assert.equal(imageFormOf(chat), undefined);
});

const call: CallToFund = {
  ...{ callId: "call_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1" },
  ...{ provider: "p", model: "m", inputTokens: 10n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1 },
  fixed: { images: 2n },
};

/** A funder that has no lease and this price, and what it asks billing to hold. */
function start(price: KnownPrice) {
  const asked: unknown[] = [];
  const billing = {
    async reserveCall(request: object) {
      asked.push(request);
      return { priceId: price.priceId, outputTokens: 0n };
    },
  } as unknown as Client<typeof BillingService>;
  const journal = { isFull: false, begin: (fact: object) => ({ fact, written: Promise.resolve() }) };
  const { fund } = createFunder({
    ...{ billing, clock: createFakeClock(), log: pino({ enabled: false }) },
    prices: { priceOf: () => price, forget: () => undefined, forgetAll: () => undefined },
    budgets: { leasePathOf: () => ({}) } as unknown as BudgetPaths,
    leases: { draw: () => undefined } as unknown as LeaseKeeper,
    journal: journal as unknown as FactJournal,
  });
  return { fund, asked };
}

test("W31: a hold names the price of a call's images; without one it is refused by what they are like", async () => {
  const images = { size: "1024x1024", quality: "hd", priceNames: [] };
  const named = start({ priceId: "prc_9", name: "m#hd", terms: { rates: { images: 1n } } });
  await named.fund({ ...call, images });
  assert.deepEqual(named.asked, [{ ...call, serviceMode: ServiceMode.UNSPECIFIED, priceName: "m#hd" }]);
  const unpriced = start({ priceId: "prc_1", terms: { rates: { input: 0n } } }).fund({ ...call, images });
  const isTold = (err: unknown) =>
    isFailure(err, aiGatewayFailures.image_price_missing) && err.details["size"] === "1024x1024";
  await assert.rejects(unpriced, isTold);
});
