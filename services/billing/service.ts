import { groupLimitsChanged, keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import {
  balanceLow,
  billingPersonExported,
  budgetsChanged,
  budgetThresholdReached,
  chargeBackRecorded,
  codeRedeemed,
  creditGranted,
  creditLimitChanged,
  grantExpired,
  integrityFailed,
  invoiceIssued,
  moneyRecalled,
  overdraftEntered,
  overdraftRepaid,
  pricesChanged,
  quotaExceeded,
  reconciliationDrift,
  refundCompleted,
  refundFailed,
  topUpCompleted,
  usageRecorded,
  walletAdjusted,
} from "@lyss/contracts/events/billing.ts";
import { groupMemberAdded, groupMemberRemoved } from "@lyss/contracts/events/group.ts";
import { tenantCreated, tenantDiscarded } from "@lyss/contracts/events/tenant.ts";
import { userExportRequested } from "@lyss/contracts/events/user.ts";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { toDefaultLimits } from "./budgets/budget-settings.ts";
import { createBudgetStore } from "./budgets/budget-store.ts";
import { createBudgets } from "./budgets/budgets.ts";
import { budgetRoutes } from "./budgets/routes.ts";
import { billingConfig } from "./config.ts";
import { createCreditParts } from "./credit-parts.ts";
import { creditRoutes } from "./credit-routes.ts";
import { createDebtStore } from "./debts/debt-store.ts";
import { createBillingSubscriptions } from "./events.ts";
import { createFactStore } from "./fact-store.ts";
import { createGrantStore } from "./grants/grant-store.ts";
import { startIntegrity } from "./integrity/start-integrity.ts";
import { invoiceRoutes } from "./invoices/invoice-routes.ts";
import { startInvoices } from "./invoices/start-invoices.ts";
import { createBillingJobs } from "./jobs.ts";
import { createJournal } from "./journal/journal.ts";
import { createJournalStore } from "./journal/journal-store.ts";
import { createLeaseStore } from "./lease-store.ts";
import { createLedger } from "./ledger.ts";
import { alertEvents } from "./live/live-feed.ts";
import { liveRoutes } from "./live/live-routes.ts";
import { startLive } from "./live/start-live.ts";
import { parseNanos } from "./model.ts";
import { createBillingOps } from "./ops.ts";
import { sayOverdraft } from "./overdraft/overdraft.ts";
import { overdraftRoutes } from "./overdraft/overdraft-routes.ts";
import { paymentRoutes } from "./payment-routes.ts";
import { createPaymentParts } from "./payments/payment-parts.ts";
import { createPersonStore } from "./persons/person-store.ts";
import { priceCatalog } from "./prices/catalog.ts";
import { createCostingStore } from "./prices/costing-store.ts";
import { createPlanStore } from "./prices/plan-store.ts";
import { createPriceStore } from "./prices/price-store.ts";
import { createPriceVersions } from "./prices/price-versions.ts";
import { createRecall } from "./recall.ts";
import { startReconciliation } from "./reconciliation/start-reconciliation.ts";
import { reportRoutes } from "./reports/report-routes.ts";
import { createReportStore } from "./reports/report-store.ts";
import { billingRoutes } from "./routes.ts";
import { createBillingRpc } from "./rpc.ts";
import { createBillingStore } from "./store.ts";
import { createDayStore } from "./usage/day-store.ts";
import { createTagSumStore } from "./usage/tag-sum-store.ts";
import { totalsRoutes } from "./usage/totals-routes.ts";
import { usageRoutes } from "./usage/usage-routes.ts";
import { createUsageStore } from "./usage/usage-store.ts";
import { createUsageSumStore } from "./usage/usage-sum-store.ts";
import { createUsageSums } from "./usage/usage-sums.ts";

export const billing = defineService({
  name: "billing",
  contract: BillingService,
  needs: {},
  publishes: [
    ...[balanceLow, invoiceIssued, moneyRecalled, pricesChanged, topUpCompleted, usageRecorded],
    ...[budgetsChanged, budgetThresholdReached, quotaExceeded, chargeBackRecorded, codeRedeemed, creditGranted],
    ...[grantExpired, refundCompleted, refundFailed, walletAdjusted],
    ...[creditLimitChanged, overdraftEntered, overdraftRepaid],
    ...[integrityFailed, reconciliationDrift, billingPersonExported],
  ],
  hears: [
    ...alertEvents,
    ...[usageRecorded, groupMemberAdded, groupMemberRemoved, keyCreated, keyUpdated, keyRevoked],
    groupLimitsChanged,
    ...[tenantCreated, tenantDiscarded, userExportRequested],
  ],
  config: billingConfig,
  idempotent: ["topUpWallet", "setBudget", "setUserQuota", "resetUserQuota"],
  // Of each call of a model the hold, the charge and the usage are on record, and nobody's audit could keep up with them.
  unaudited: [
    "reserveCall",
    "raiseHold",
    "settleCall",
    "extendHolds",
    "grantLease",
    "returnLease",
    "extendLeases",
    "closeLeases",
    "postFacts",
  ],
  migrations: new URL("./migrations/", import.meta.url),
  routes: [
    ...overdraftRoutes,
    ...billingRoutes,
    ...totalsRoutes,
    ...usageRoutes,
    ...liveRoutes,
    ...reportRoutes,
    ...creditRoutes,
    ...invoiceRoutes,
    ...paymentRoutes,
    ...budgetRoutes,
  ],

  async start({ config, db, outbox, idempotency, clock, random, log, metrics, deriveKey }) {
    const { currency, comfortableOutputTokens, holdTtlMs, leaseTtlMs, reserveWaitMs, maxBatchSize } = config.billing;
    const lowBalanceNanos = parseNanos(config.billing.lowBalance) ?? 0n;
    const store = createBillingStore(db.sql);
    const journal = createJournal(createJournalStore(), (tx, before, balanceNanos) =>
      sayOverdraft(tx, outbox, before, balanceNanos),
    );
    const leases = createLeaseStore(db.sql);
    const budgets = createBudgets({
      ...{ store: createBudgetStore(db.sql), outbox, random, defaultLimits: toDefaultLimits(config.billing) },
      defaultAlertPercents: config.billing.budgetAlertPercents,
    });
    const days = createDayStore(db.sql);
    const priceStore = createPriceStore(db.sql);
    const prices = {
      ...{ priceStore, priceVersions: createPriceVersions(priceStore) },
      ...{ planStore: createPlanStore(db.sql), costingStore: createCostingStore(db.sql), catalog: priceCatalog },
    };
    const ledger = createLedger({
      ...{ db, store, journal, leases, budgets, days, outbox, clock, random, currency, holdTtlMs, leaseTtlMs },
      ...{
        comfortableOutputTokens: BigInt(comfortableOutputTokens),
        lowBalanceNanos,
        maxBatchSize,
        reserveWaitMs,
        ...prices,
      },
      onShort: createRecall({ db, leases, outbox, log }),
    });
    const facts = createFactStore();
    const usageSums = createUsageSumStore(db.sql);
    const usageProjection = createUsageSums(usageSums);
    const debts = createDebtStore(db.sql);
    const grants = createGrantStore(db.sql);
    const shared = { debts, grants, db, journal, ledger, idempotency, outbox, clock, random, log, currency };
    const { verifyEveryMs } = config.billing;
    const integrity = startIntegrity({ db, outbox, random, log, metrics, verifyEveryMs, ...prices });
    const reconciliation = startReconciliation({ ...shared, prices, settings: config.billing });
    const payments = createPaymentParts({ ...shared, settings: config.payments });
    const invoices = startInvoices({ ...shared, store, priceStore, config: config.billing.invoices });
    const ops = createBillingOps(
      {
        ...{ ...shared, store, leases, budgets, facts, days, holdTtlMs, leaseTtlMs, lowBalanceNanos },
        ...{
          ...{ usage: createUsageStore(db.sql), persons: createPersonStore() },
          usageSums,
          tagSums: createTagSumStore(db.sql),
          reports: createReportStore(),
          usageProjection,
          ...prices,
        },
        ...{ integrityOps: integrity.ops, ...reconciliation, live: startLive({ ...shared, store }) },
        usageRetentionDays: config.billing.usageRetentionDays,
        usageMinuteRetentionDays: config.billing.usageMinuteRetentionDays,
        usageTagRetentionDays: config.billing.usageTagRetentionDays,
        invoiceOps: invoices.ops,
      },
      payments.ops,
      createCreditParts({ ...shared, codeKey: deriveKey("billing.code") }),
    );
    return {
      ops,
      rpc: createBillingRpc(ops),
      subscriptions: createBillingSubscriptions({ ...shared, usageProjection, budgets, store, ops }),
      jobs: [...createBillingJobs(ops), ...invoices.jobs],
      health: { database: databaseCheck(db), integrity: integrity.check },
      drain: () => Promise.all([ledger.drain(), ops.live.feed.close()]).then(() => undefined),
      async stop() {
        await Promise.all([payments.stop(), invoices.stop()]);
      },
    };
  },
});
