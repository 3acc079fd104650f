import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { billingPersonExported } from "@lyss/contracts/events/billing.ts";
import { tenantCreated, tenantDiscarded } from "@lyss/contracts/events/tenant.ts";
import { type Projection, projectionSubscription } from "@lyss/kit/event-sourcing/projection.ts";
import { onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { BudgetOps } from "./budgets/budget-ops.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { followGroups } from "./budgets/follow-groups.ts";
import { followKeys } from "./budgets/follow-keys.ts";
import type { BillingDeps } from "./deps.ts";
import { exportPerson } from "./persons/export-person.ts";
import { createPersonStore } from "./persons/person-store.ts";

interface EventParts extends Pick<BillingDeps, "store" | "outbox" | "random" | "currency"> {
  readonly usageProjection: Projection;
  readonly budgets: Budgets;
  readonly keyBudgets: Pick<BudgetOps, "capKey" | "uncapKey">;
}

/** What billing hears: its own usage, who is in which group, what keys are limited to, and new tenants: each has a wallet, empty at first. */
export function createBillingSubscriptions(parts: EventParts): readonly Subscription[] {
  const { usageProjection, budgets, keyBudgets, store, outbox, random, currency } = parts;
  return [
    projectionSubscription(usageProjection),
    followGroups(budgets),
    followKeys(keyBudgets),
    onEvent("open-wallet", tenantCreated, (tx, { data: { tenantId } }) =>
      store.createWallet(tx, { walletId: random.id("wal"), tenantId, currency }),
    ),
    answerExport({
      ...{ outbox, random, service: "billing", event: billingPersonExported },
      collect: (tx, person) => exportPerson(createPersonStore(), tx, person),
    }),
    onEvent("discard-wallet", tenantDiscarded, (tx, { data: { tenantId } }) => store.deleteUnusedWallet(tx, tenantId)),
  ];
}
