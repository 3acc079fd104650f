import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { tenantPersonExported } from "@lyss/contracts/events/tenant.ts";
import type { Subscription } from "@lyss/kit/events/event.ts";
import type { TenantDeps } from "./deps.ts";
import type { TenantOps } from "./ops.ts";

/** What tenant hears: who asks what is kept of them. */
export function createTenantSubscriptions(
  ops: Pick<TenantOps, "exportPerson">,
  parts: Pick<TenantDeps, "outbox" | "random">,
): readonly Subscription[] {
  return [answerExport({ ...parts, service: "tenant", event: tenantPersonExported, collect: ops.exportPerson })];
}
