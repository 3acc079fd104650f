import { type Clock, systemClock } from "@lyss/kit/service/clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { TestScope } from "@lyss/kit/testing/test-cluster.ts";
import type { Fact } from "../../fact.ts";
import { billing } from "../../service.ts";

/** One nano per input token, half a nano for cached input, two and a half for output. */
export const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 500_000n,
  outputNanosPerMillion: 2_500_000n,
};

/** Billing in October 2025, whose postings are stamped with whatever time the test wants. */
export async function startInvoiceFixture(scope: TestScope) {
  let nowMs = Date.UTC(2025, 9, 1);
  // Only what it says of the time is moved: months of timers take long even when nothing is due.
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const config = { billing: { invoices: { seller: { name: "Lyss Cloud", address: ["1 Market Street"] } } } };
  const service = await startTestService(scope, billing, { clients: {}, clock, config });
  const { ops, sql } = service;
  await ops.putPrices({ tenantId: "", prices: ["m", "模型"].map((model) => ({ provider: "p", model, ...rates })) });
  let lastId = 0;

  return {
    ...service,
    async createTenant(tenantId = `ten_${++lastId}`): Promise<string> {
      await ops.createWallet({ tenantId });
      return tenantId;
    },
    /** Everything that was posted since the last call was posted then. */
    async postedAt(time: string): Promise<void> {
      await sql`update posting set created_at = ${time} where created_at > '2026-01-01'`;
    },
    /** A call that began then and is charged now. */
    async call(tenantId: string, startedAt: string, tokens: Partial<Fact> = {}): Promise<void> {
      const callId = `call_${++lastId}`;
      const names = { callId, tenantId, requestId: "r", keyId: "k", userId: "u", provider: "p", model: "m" };
      const [price] = await sql<{ price_id: string }[]>`
        select price_id from price where model = ${tokens.model ?? "m"} order by version desc limit 1`;
      await ops.postFacts({
        facts: [
          {
            ...{ ...names, attempt: 1, leaseId: "lease_none", priceId: price?.price_id ?? "", outcome: "completed" },
            ...{ isEstimated: false, latencyMs: 1n, startedAtMs: BigInt(Date.parse(startedAt)) },
            ...{ inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, ...tokens },
          },
        ],
      });
    },
    /** Moves the clock there and closes what is due. */
    async closeAt(time: string) {
      nowMs = Date.parse(time);
      return ops.closePeriods();
    },
    /** Moves the clock there and no more. */
    moveTo(time: string): void {
      nowMs = Date.parse(time);
    },
    async listIssued(tenantId: string) {
      const { rows } = await ops.listInvoices({ tenantId, limit: 200 });
      return Promise.all(rows.map(({ invoiceId }) => ops.getInvoice({ invoiceId, tenantId })));
    },
  };
}
