import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { moneyRecalled, pricesChanged } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type BillingService, UsageFactSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { boundNanos, costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { onBroadcast } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { openSpool } from "@lyss/kit/spool/spool.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { createFactJournal, type FactJournal } from "./fact-journal.ts";
import { type CallToFund, type Funding, maxHoldsAtOnce, reserveTimeoutMs } from "./funding.ts";
import { notePosted, settleDraw } from "./lease-book.ts";
import { assessEveryMs, createLeaseKeeper, type LeaseKeeper } from "./lease-keeper.ts";
import { createPriceCache, type PriceCache } from "./price-cache.ts";

/** What is not charged by then stays on disk, for the next start. */
const flushLimitMs = 3_000;

export interface LeaseFundingDeps {
  readonly billing: Client<typeof BillingService>;
  /** Where the spools of this machine's processes lie. */
  readonly folder: string;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Calls are paid from leases that this node has, and where money is scarce one by one (docs/adr/0039). */
export function createLeaseFunding(deps: LeaseFundingDeps): Funding {
  const { billing, clock, random, log, metrics } = deps;
  const nodeId = random.id("node");
  const { spool, recovered } = openSpool({ root: join(deps.folder, "spool"), clock, log });
  const journal = createFactJournal({ spool, billing, nodeId, clock, log });
  const leases = createLeaseKeeper({ billing, nodeId, clock, random, log });
  const prices = createPriceCache(billing, { clock, random, metrics });
  const { fund, heldCallIds } = createLeaseFunder({ billing, prices, leases, journal, clock });
  journal.recover(recovered);

  return {
    fund,
    jobs: [
      {
        name: "extend-holds",
        everyMs: deps.heartbeatMs,
        async run() {
          await leases.extend();
          const callIds = [...heldCallIds];
          for (let at = 0; at < callIds.length; at += maxHoldsAtOnce) {
            await billing.extendHolds({ callIds: callIds.slice(at, at + maxHoldsAtOnce) });
          }
        },
      },
      { name: "assess-leases", everyMs: assessEveryMs, run: () => leases.assess() },
      { name: "adopt-orphans", everyMs: deps.heartbeatMs, run: async () => journal.recover(spool.adoptOrphans()) },
    ],
    subscriptions: [
      onBroadcast("forget-prices", pricesChanged, ({ data }) => prices.forget(data.tenantId), prices.forgetAll),
      onBroadcast("return-leases", moneyRecalled, ({ data }) => leases.recall(data.tenantId), leases.recallAll),
    ],
    get pending() {
      return journal.pending;
    },
    async stop() {
      await journal.flush(AbortSignal.timeout(flushLimitMs)).catch(() => undefined);
      await journal.stop();
      await leases.close();
      await spool.close();
    },
  };
}

/** Pays for calls from this node's leases. */
export function createLeaseFunder(deps: {
  readonly billing: Client<typeof BillingService>;
  readonly prices: PriceCache;
  readonly leases: LeaseKeeper;
  readonly journal: FactJournal;
  readonly clock: Clock;
}): {
  readonly fund: Funding["fund"];
  /** Calls with a hold of their own that is not charged yet. */
  readonly heldCallIds: ReadonlySet<string>;
} {
  const { billing, prices, leases, journal, clock } = deps;
  const heldCallIds = new Set<string>();

  async function priceOf({ tenantId, provider, model }: CallToFund) {
    const found = prices.priceOf(tenantId, provider, model);
    const price = found instanceof Promise ? await found : found;
    if (!price) throw new Failure(billingFailures.price_missing, { model, provider });
    return price;
  }

  /** Money and the attempt on disk. What is drawn goes back when the attempt cannot be written. */
  async function begin(call: CallToFund) {
    const price = await priceOf(call);
    const { callId, tenantId, inputTokens, maxOutputTokens } = call;
    const startedAtMs = clock.nowMs();
    const most = { inputTokens, outputTokens: maxOutputTokens * BigInt(call.choices) };
    const drawing = leases.draw(tenantId, boundNanos(price.terms, most, { startedAtMs }));
    const draw = drawing instanceof Promise ? await drawing : drawing;
    const hold = draw ? undefined : await billing.reserveCall(call, { timeoutMs: reserveTimeoutMs });
    if (hold) heldCallIds.add(callId);
    const { requestId, keyId, userId, provider, model } = call;
    const fact = create(UsageFactSchema, {
      ...{ callId, requestId, tenantId, keyId, userId, provider, model, attempt: 1, startedAtMs: BigInt(startedAtMs) },
      // The hold names the version at which the call is charged; it may be newer than the one that is known here.
      priceId: hold?.priceId ?? price.priceId,
      leaseId: draw?.lease.leaseId ?? "",
    });
    try {
      const attempt = await journal.begin(fact);
      return { price, draw, attempt, outputTokens: hold?.outputTokens ?? maxOutputTokens };
    } catch (err) {
      // A hold of its own frees itself when nothing is heard of it.
      if (draw) settleDraw(draw, 0n);
      heldCallIds.delete(callId);
      throw err;
    }
  }

  return {
    heldCallIds,
    async fund(call) {
      const { price, draw, attempt, outputTokens } = await begin(call);
      return {
        outputTokens,
        async settle({ outcome, tokens, isEstimated, latencyMs }) {
          const startedAtMs = Number(attempt.fact.startedAtMs);
          const { costNanos } = costOf(price.terms, toQuantities(tokens), { startedAtMs });
          if (draw) settleDraw(draw, costNanos);
          const { $typeName, $unknown, ...begun } = attempt.fact;
          const ended = { outcome, tokens: { ...tokens }, isEstimated, latencyMs: BigInt(Math.round(latencyMs)) };
          await journal.end(attempt, create(UsageFactSchema, { ...begun, ...ended }), () => {
            if (draw) notePosted(draw, costNanos);
            heldCallIds.delete(call.callId);
          });
          return costNanos;
        },
      };
    },
  };
}
