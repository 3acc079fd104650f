import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { billingPersonExported } from "@lyss/contracts/events/billing.ts";
import { tenantCreated, tenantDiscarded } from "@lyss/contracts/events/tenant.ts";
import { type Projection, projectionSubscription } from "@lyss/kit/event-sourcing/projection.ts";
import { onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { followGroups } from "./budgets/follow-groups.ts";
import { followKeys } from "./budgets/follow-keys.ts";
import type { BillingDeps } from "./deps.ts";
import type { BillingOps } from "./ops.ts";

interface EventParts extends Pick<BillingDeps, "store" | "outbox" | "random" | "currency"> {
  readonly usageProjection: Projection;
  readonly budgets: Budgets;
  readonly ops: Pick<BillingOps, "capKey" | "uncapKey" | "exportPerson">;
}

/** What billing hears: its own usage, who is in which group, what keys are limited to, and new tenants: each has a wallet, empty at first. */
export function createBillingSubscriptions(parts: EventParts): readonly Subscription[] {
  const { usageProjection, budgets, ops, store, outbox, random, currency } = parts;
  return [
    projectionSubscription(usageProjection),
    followGroups(budgets),
    followKeys(ops),
    onEvent("open-wallet", tenantCreated, (tx, { data: { tenantId } }) =>
      store.createWallet(tx, { walletId: random.id("wal"), tenantId, currency }),
    ),
    answerExport({
      ...{ outbox, random, service: "billing", event: billingPersonExported },
      collect: ops.exportPerson,
    }),
    onEvent("discard-wallet", tenantDiscarded, (tx, { data: { tenantId } }) => store.deleteUnusedWallet(tx, tenantId)),
  ];
}
