import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { billingPersonExported } from "@lyss/contracts/events/billing.ts";
import { tenantCreated, tenantDiscarded } from "@lyss/contracts/events/tenant.ts";
import type { TenantCreated, TenantDiscarded } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { type Projection, projectionSubscription } from "@lyss/kit/event-sourcing/projection.ts";
import type { Subscription } from "@lyss/kit/events/event.ts";
import type { Budgets } from "./budgets/budgets.ts";
import { followGroups } from "./budgets/follow-groups.ts";
import { followGroupLimits, followKeys } from "./budgets/follow-limits.ts";
import type { BillingDeps } from "./deps.ts";
import type { BillingOps } from "./ops.ts";

interface EventParts extends Pick<BillingDeps, "store" | "outbox" | "random" | "currency"> {
  readonly usageProjection: Projection;
  readonly budgets: Budgets;
  readonly ops: Pick<BillingOps, "cap" | "uncapKey" | "exportPerson" | "live">;
}

/** What billing hears: its own usage, who is in which group, what keys are limited to, and new tenants: each has a wallet, empty at first. */
export function createBillingSubscriptions(parts: EventParts): readonly Subscription[] {
  const { usageProjection, budgets, ops, store, outbox, random, currency } = parts;
  return [
    projectionSubscription(usageProjection),
    followGroups(budgets),
    followKeys(ops),
    followGroupLimits(ops),
    ops.live.feed.subscription,
    {
      mode: "durable",
      name: "follow-tenants",
      // One subscription, so one after the other: a tenant that is discarded at once gets no wallet afterwards.
      events: [tenantCreated, tenantDiscarded],
      async handle(tx, { type, data }) {
        const { tenantId } = data as TenantCreated | TenantDiscarded;
        if (type === tenantDiscarded.type) await store.deleteUnusedWallet(tx, tenantId);
        else await store.createWallet(tx, { walletId: random.id("wal"), tenantId, currency });
      },
    },
    answerExport({
      ...{ outbox, random, service: "billing", event: billingPersonExported },
      collect: ops.exportPerson,
    }),
  ];
}
