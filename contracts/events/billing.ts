import { defineEvent } from "@lyss/kit/events/event.ts";
import {
  BalanceLowSchema,
  ChargeBackRecordedSchema,
  CodeRedeemedSchema,
  CreditGrantedSchema,
  CreditLimitChangedSchema,
  GrantExpiredSchema,
  InvoiceIssuedSchema,
  MoneyRecalledSchema,
  OverdraftChangedSchema,
  PricesChangedSchema,
  RefundCompletedSchema,
  RefundFailedSchema,
  TopUpCompletedSchema,
  UsageRecordedSchema,
  WalletAdjustedSchema,
} from "../gen/lyss/billing/v1/billing_pb.js";
import {
  type Budget,
  BudgetsChangedSchema,
  BudgetThresholdReachedSchema,
  QuotaExceededSchema,
} from "../gen/lyss/billing/v1/budget_pb.js";
import { IntegrityFailedSchema } from "../gen/lyss/billing/v1/integrity_pb.js";
import { ReconciliationDriftSchema } from "../gen/lyss/billing/v1/reconciliation_pb.js";
import { PersonExportedSchema } from "../gen/lyss/user/v1/user_pb.js";

/** Said once each time a wallet's available balance crosses the configured mark downwards. */
export const balanceLow = defineEvent("billing.balance.low", BalanceLowSchema, (event) => event.walletId);

/** Calls of a wallet were settled. The wallet's stream of these is its usage. */
export const usageRecorded = defineEvent("billing.usage.recorded", UsageRecordedSchema, (event) => event.walletId);
/** Said with each new version of a price, so that nodes look it up again. */
export const pricesChanged = defineEvent("billing.prices.changed", PricesChangedSchema, (event) => event.tenantId);

/** Said when a call waits for money of which nodes hold a part in leases. */
export const moneyRecalled = defineEvent("billing.money.recalled", MoneyRecalledSchema, (event) => event.tenantId);

/** Said when a check of the journal found something wrong. */
export const integrityFailed = defineEvent("billing.integrity.failed", IntegrityFailedSchema, (event) => event.runId);

/** Said with each invoice: a period of a wallet is closed. */
export const invoiceIssued = defineEvent("billing.invoice.issued", InvoiceIssuedSchema, (event) => event.walletId);
const budgetIdOf = ({ budget }: { readonly budget?: Budget | undefined }) => budget?.budgetId ?? "";

/** Said when budgets, or who is in a group with one, have changed: nodes look up anew whose calls must fit into some. */
export const budgetsChanged = defineEvent("billing.budgets.changed", BudgetsChangedSchema, (event) => event.tenantId);

/** Said once in a period for each alert mark of a budget that its use reaches. */
export const budgetThresholdReached = defineEvent(
  "billing.budget.threshold_reached",
  BudgetThresholdReachedSchema,
  budgetIdOf,
);

/** Said once in a period of a budget, with the first call that it refuses. */
export const quotaExceeded = defineEvent("billing.quota.exceeded", QuotaExceededSchema, budgetIdOf);

/** Said once for each order, in the transaction that credits what was paid for it. */
export const topUpCompleted = defineEvent("billing.top_up.completed", TopUpCompletedSchema, (event) => event.walletId);

/** Said when a provider's report differs from what was recorded by more than the tolerance. */
export const reconciliationDrift = defineEvent(
  "billing.reconciliation.drift",
  ReconciliationDriftSchema,
  (event) => event.provider,
);

/** A tenant was given credit that ends. */
export const creditGranted = defineEvent("billing.grant.created", CreditGrantedSchema, (event) => event.walletId);
/** What was left of a grant at its end was taken back. */
export const grantExpired = defineEvent("billing.grant.expired", GrantExpiredSchema, (event) => event.walletId);
/** A tenant redeemed a code. */
export const codeRedeemed = defineEvent("billing.code.redeemed", CodeRedeemedSchema, (event) => event.walletId);
/** An operator put money into a wallet, or took some out. */
export const walletAdjusted = defineEvent("billing.wallet.adjusted", WalletAdjustedSchema, (event) => event.walletId);
/** An operator has said how far a tenant may spend beyond what it has. */
export const creditLimitChanged = defineEvent(
  "billing.credit_limit.changed",
  CreditLimitChangedSchema,
  (event) => event.walletId,
);
/** A tenant has begun to spend beyond what it has. */
export const overdraftEntered = defineEvent(
  "billing.overdraft.entered",
  OverdraftChangedSchema,
  (event) => event.walletId,
);
/** A tenant owes nothing of its credit line any more. */
export const overdraftRepaid = defineEvent(
  "billing.overdraft.repaid",
  OverdraftChangedSchema,
  (event) => event.walletId,
);
/** Money was given back, once for each refund. */
export const refundCompleted = defineEvent(
  "billing.refund.completed",
  RefundCompletedSchema,
  (event) => event.walletId,
);

/** A refund did not reach its payer; the money is in the wallet again. */
export const refundFailed = defineEvent("billing.refund.failed", RefundFailedSchema, (event) => event.walletId);
/** Money of an order was taken from us by its payer's bank or at the provider, or came back. */
export const chargeBackRecorded = defineEvent(
  "billing.charge_back.recorded",
  ChargeBackRecordedSchema,
  (event) => event.walletId,
);

/** What billing keeps of a person who asked for it. */
export const billingPersonExported = defineEvent(
  "billing.person.exported",
  PersonExportedSchema,
  (event) => event.exportId,
);
