/** Files that are mutated, each with the tests that have to notice. They run once for each mutant: let them be quick. */
export type Targets = Readonly<Record<string, readonly string[]>>;

const kit: Targets = {
  "kit/resilience/breaker.ts": ["kit/resilience/breaker.test.ts"],
  "kit/resilience/trip-rule.ts": ["kit/resilience/trip-rule.test.ts"],
  "kit/resilience/retry.ts": ["kit/resilience/retry.test.ts"],
  "kit/resilience/retry-budget.ts": ["kit/resilience/retry-budget.test.ts"],
  "kit/resilience/judge-error.ts": ["kit/resilience/judge-error.test.ts"],
  "kit/resilience/bulkhead.ts": ["kit/resilience/bulkhead.test.ts"],
  "kit/resilience/timeout.ts": ["kit/resilience/timeout.test.ts"],
  "kit/resilience/token-bucket.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/sliding-window.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter-bounds.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter-entries.ts": ["kit/resilience/limiter.test.ts"],
  "kit/resilience/limiter-local-share.ts": ["kit/resilience/limiter-local-share.test.ts"],
  "kit/resilience/adaptive-limit.ts": ["kit/resilience/adaptive-limit.test.ts"],
  "kit/resilience/load-shed.ts": ["kit/resilience/load-shed.test.ts"],
  "kit/resilience/degradation-meter.ts": ["kit/resilience/degradation.test.ts"],
  "kit/resilience/degradation.ts": ["kit/resilience/degradation.test.ts"],
  "kit/workflow/saga.ts": ["kit/workflow/saga.test.ts"],
  "kit/workflow/run-saga.ts": ["kit/workflow/run-saga.test.ts"],
  "kit/workflow/attempt.ts": ["kit/workflow/attempt.test.ts"],
  "kit/workflow/step-gate.ts": ["kit/workflow/step-gate.test.ts"],
  "kit/events/outbox.ts": ["kit/events/outbox.db.test.ts"],
  "kit/events/event-reader.ts": ["kit/events/event-reader.db.test.ts"],
  "kit/events/subscription-store.ts": ["kit/events/subscription-store.db.test.ts"],
  "kit/events/durable-loop.ts": ["kit/events/durable-loop.db.test.ts"],
};

/** What decides how much is set aside, taken, given back, and rounded. */
const heldMoney: Targets = {
  "contracts/pricing/at-most.ts": ["contracts/pricing/at-most.test.ts"],
  "contracts/budgets/amounts.ts": ["contracts/budgets/amounts.test.ts"],
  "contracts/pricing/price.ts": ["contracts/pricing/price.test.ts"],
  "services/billing/model.ts": ["services/billing/model.test.ts"],
  "services/billing/lease.ts": ["services/billing/lease.test.ts"],
  "services/billing/draw-facts.ts": ["services/billing/draw-facts.test.ts"],
  "services/billing/batch.ts": [
    "tests/scenarios/money-model/reserve.test.ts",
    "tests/scenarios/money-model/raise.test.ts",
    "tests/scenarios/money-model/settle.test.ts",
  ],
  "services/billing/raise-hold.ts": ["services/billing/raise-hold.test.ts"],
  "services/billing/post-facts.ts": ["tests/scenarios/money-model/post-facts.test.ts"],
  "services/billing/ops/post-facts.ts": ["tests/scenarios/money-model/post-facts.test.ts"],
  "services/billing/fact-lines.ts": ["services/billing/fact-lines.test.ts"],
  "services/billing/free-leases.ts": ["tests/scenarios/money-model/release.test.ts"],
  "services/billing/ops/expire-holds.ts": ["tests/scenarios/money-model/release.test.ts"],
  "services/billing/ops/expire-leases.ts": ["tests/scenarios/money-model/release.test.ts"],
  "services/billing/budgets/admit-on-path.ts": ["services/billing/budgets/admit-on-path.test.ts"],
  "services/billing/budgets/budget-book.ts": ["services/billing/budgets/budget-book.test.ts"],
  "services/billing/budgets/spent.ts": ["services/billing/budgets/spent.test.ts"],
  "services/billing/ops/close-leases.ts": ["tests/scenarios/money-model/release.test.ts"],
  "services/ai-gateway/funds/lease-book.ts": ["services/ai-gateway/funds/lease-book.test.ts"],
  "services/ai-gateway/funds/budget-paths.ts": ["services/ai-gateway/funds/budget-paths.test.ts"],
  "services/ai-gateway/funds/spool-record.ts": ["services/ai-gateway/funds/spool-record.test.ts"],
  "services/ai-gateway/funds/call-fact.ts": ["services/ai-gateway/funds/call-fact.test.ts"],
  "services/ai-gateway/funds/funder.ts": ["services/ai-gateway/funds/funder.test.ts"],
  "services/ai-gateway/funds/purse.ts": ["services/ai-gateway/funds/purse.test.ts"],
  "services/ai-gateway/funds/recovery.ts": ["services/ai-gateway/funds/recovery.test.ts"],
};

const otherMoney: Targets = {
  "contracts/pricing/token-price.ts": ["contracts/pricing/token-price.test.ts"],
  "contracts/pricing/cost-lines.ts": ["contracts/pricing/cost-lines.test.ts"],
  "services/billing/compare.ts": ["services/billing/compare.test.ts"],
  "services/billing/decimal.ts": ["services/billing/model.test.ts"],
  "services/billing/budgets/model.ts": ["services/billing/budgets/model.test.ts"],
  "services/billing/grants/grant-model.ts": ["services/billing/grants/grant-model.test.ts"],
  "services/billing/debts/debt-entries.ts": ["services/billing/debts/debt-entries.test.ts"],
  "services/billing/payments/payment-model.ts": ["services/billing/payments/payment-model.test.ts"],
  "services/billing/payments/refund-model.ts": ["services/billing/payments/refund-model.test.ts"],
  "services/billing/journal/accounts.ts": ["services/billing/journal/accounts.test.ts"],
  "services/billing/journal/posting.ts": ["services/billing/journal/chain.test.ts"],
  "contracts/pricing/wire.ts": ["contracts/pricing/wire.test.ts"],
  "services/billing/budgets/budget-ops.ts": ["services/billing/budgets/budget-ops.test.ts"],
  "services/billing/budgets/budget-message.ts": ["services/billing/budgets/budgets.test.ts"],
  "services/billing/budgets/budget-settings.ts": ["services/billing/budgets/budget-settings.test.ts"],
  "services/billing/budgets/budget-fields.ts": ["services/billing/budgets/budget-settings.test.ts"],
  "services/billing/budgets/each-once.ts": ["services/billing/budgets/each-once.test.ts"],
  "services/billing/prices/terms-json.ts": ["services/billing/prices/terms-json.test.ts"],
  "services/billing/prices/catalog.ts": ["services/billing/prices/catalog.test.ts"],
  "services/billing/prices/price-versions.ts": ["services/billing/prices/price-versions.test.ts"],
  "services/billing/journal/chain.ts": ["services/billing/journal/chain.test.ts"],
  "services/billing/recall.ts": ["services/billing/recall.test.ts"],
  "services/billing/overdraft/overdraft.ts": ["services/billing/overdraft/overdraft.test.ts"],
  "services/billing/codes/code-model.ts": ["services/billing/codes/code-model.test.ts"],
  "services/billing/payments/create-order.ts": ["tests/scenarios/money-model/orders.test.ts"],
  "services/billing/payments/list-orders.ts": ["tests/scenarios/money-model/orders.test.ts"],
  "services/billing/payments/payment-deps.ts": ["tests/scenarios/money-model/orders.test.ts"],
  "services/billing/payments/poll-orders.ts": ["tests/scenarios/money-model/orders.test.ts"],
  "services/billing/debts/debts.ts": ["tests/scenarios/money-model/corrections.test.ts"],
  "services/billing/invoices/get-statement.ts": ["tests/scenarios/money-model/invoices.test.ts"],
  "services/billing/codes/codes.ts": ["tests/scenarios/money-model/codes.test.ts"],
  "services/billing/provider-cost/provider-cost.ts": ["services/billing/provider-cost/provider-cost.test.ts"],
  "services/billing/reconciliation/report.ts": ["services/billing/reconciliation/report.test.ts"],
  "services/billing/invoices/period.ts": ["services/billing/invoices/period.test.ts"],
  "services/billing/invoices/exact-nanos.ts": ["services/billing/invoices/make-statement.test.ts"],
  "services/billing/invoices/movement-category.ts": ["services/billing/invoices/make-statement.test.ts"],
  "services/billing/invoices/usage-line.ts": ["services/billing/invoices/usage-line.test.ts"],
  "services/billing/invoices/statement-csv.ts": ["services/billing/invoices/statement-csv.test.ts"],
  "services/billing/invoices/csv.ts": ["services/billing/invoices/csv.test.ts"],
  "services/billing/usage/usage-days.ts": ["services/billing/usage/usage-days.test.ts"],
  "services/billing/usage/usage-range.ts": ["services/billing/usage/usage-range.test.ts"],
  "services/billing/usage/who-pays.ts": ["services/billing/usage/who-pays.test.ts"],
  "services/ai-gateway/funds/price-cache.ts": ["services/ai-gateway/funds/price-cache.test.ts"],
  "services/billing/prices/price-body.ts": ["services/billing/prices/price-body.test.ts"],
  "services/billing/prices/rpc-inputs.ts": ["services/billing/prices/rpc-inputs.test.ts"],
};

/** Targets of which at least so many mutants must be noticed. */
export interface Group {
  /** Undefined for the only one of a page. */
  readonly title?: string;
  readonly minScorePercent: number;
  readonly targets: Targets;
}

/** By the page that says what came of it. */
export const reports: Readonly<Record<string, readonly Group[]>> = {
  "docs/kit/mutation.md": [{ minScorePercent: 95, targets: kit }],
  "docs/billing/mutation.md": [
    { title: "Reserve, settle, release, expire and rounding", minScorePercent: 100, targets: heldMoney },
    { title: "What else decides about money", minScorePercent: 95, targets: otherMoney },
  ],
};
