import { balanceLow, usageRecorded } from "@lyss/contracts/events/billing.ts";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { projectionSubscription } from "@lyss/kit/event-sourcing/projection.ts";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { billingConfig } from "./config.ts";
import { createBillingJobs } from "./jobs.ts";
import { createLedger } from "./ledger.ts";
import { parseNanos } from "./model.ts";
import { createBillingOps } from "./ops.ts";
import { billingRoutes } from "./routes.ts";
import { createBillingRpc } from "./rpc.ts";
import { createBillingStore } from "./store.ts";
import { createUsageHourStore } from "./usage-hour-store.ts";
import { createUsageHours } from "./usage-hours.ts";

export const billing = defineService({
  name: "billing",
  contract: BillingService,
  needs: {},
  publishes: [balanceLow, usageRecorded],
  hears: [usageRecorded],
  config: billingConfig,
  idempotent: ["topUpWallet"],
  // Of each call of a model the hold, the charge and the usage are on record, and nobody's audit could keep up with them.
  unaudited: ["reserveCall", "settleCall", "extendHolds"],
  migrations: new URL("./migrations/", import.meta.url),
  routes: billingRoutes,

  async start({ config, db, outbox, idempotency, clock, random }) {
    const { currency, comfortableOutputTokens, lowBalance, holdTtlMs, reserveWaitMs, maxBatchSize } = config.billing;
    const store = createBillingStore(db.sql);
    const ledger = createLedger({
      ...{ db, store, outbox, clock, random, currency, holdTtlMs, reserveWaitMs, maxBatchSize },
      comfortableOutputTokens: BigInt(comfortableOutputTokens),
      lowBalanceNanos: parseNanos(lowBalance) ?? 0n,
    });
    const usageHours = createUsageHourStore(db.sql);
    const usageProjection = createUsageHours(usageHours);
    const ops = createBillingOps({
      ...{ db, store, idempotency, ledger, usageHours, usageProjection, clock, random, currency, holdTtlMs },
    });
    return {
      ops,
      rpc: createBillingRpc(ops),
      subscriptions: [projectionSubscription(usageProjection)],
      jobs: createBillingJobs(ops),
      health: { database: databaseCheck(db) },
      drain: () => ledger.drain(),
    };
  },
});
