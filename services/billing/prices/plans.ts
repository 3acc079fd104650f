import { pricesChanged } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import { requireCreditLimit } from "../overdraft/require-credit-limit.ts";
import type { PlanTenant, PricePlan } from "./plan.ts";
import type { PlanStore } from "./plan-store.ts";
import type { PutPricesDeps } from "./put-prices.ts";

export interface PlanDeps extends PutPricesDeps {
  readonly planStore: PlanStore;
}

export interface PutPlanInput {
  readonly name: string;
  readonly description: string;
  readonly markupPpm: number;
  /**
   * How much credit its tenants may be given at most; as before unless given, and none at first. What they have been given they
   * keep.
   */
  readonly maxCreditLimitNanos?: bigint | undefined;
}

/**
 * Creates a plan, or gives the one of that name another description, mark-up or bound of credit; calls that are admitted from
 * then on are charged with it. A repeat writes nothing. Throws `amount_out_of_range`.
 */
export async function putPlan(
  { db, priceStore, planStore, outbox, random, currency }: PlanDeps,
  { name, description, markupPpm, maxCreditLimitNanos: wantedNanos }: PutPlanInput,
): Promise<PricePlan> {
  requireCreditLimit(wantedNanos ?? 0n, currency);
  return db.transaction(async (tx) => {
    await priceStore.lockPriceBook(tx);
    const known = await planStore.findPlan(name, tx);
    const maxCreditLimitNanos = wantedNanos ?? known?.maxCreditLimitNanos ?? 0n;
    const isSame = known?.description === description && known.maxCreditLimitNanos === maxCreditLimitNanos;
    if (isSame && known.markupPpm === markupPpm) return known;
    const planId = known?.planId ?? random.id("pln");
    await planStore.putPlan(tx, { planId, name, description, maxCreditLimitNanos });
    if (known?.markupPpm !== markupPpm) {
      const version = (known?.version ?? 0) + 1;
      await planStore.insertPlanVersion(tx, { planVersionId: random.id("plv"), planId, version, markupPpm });
      await outbox.append(tx, pricesChanged, { tenantId: "", actorId: currentActorId() });
    }
    return requirePlan(await planStore.findPlan(name, tx), name);
  });
}

/** Throws `plan_not_found`. */
export async function getPlan(
  { planStore }: Pick<PlanDeps, "planStore">,
  { name }: { name: string },
): Promise<PricePlan> {
  return requirePlan(await planStore.findPlan(name), name);
}

export async function listPlans({ planStore }: PlanDeps, { limit, cursor }: PageRequest): Promise<Page<PricePlan>> {
  const [after] = decodeCursor(cursor, 1) ?? [];
  return toPage(await planStore.listPlans({ limit: limit + 1, after }), limit, ({ name }) => [name]);
}

export interface ListPlanTenantsInput extends PageRequest {
  readonly name: string;
  /** Only these of them. */
  readonly tenantIds?: readonly string[] | undefined;
}

/** Throws `plan_not_found`. */
export async function listPlanTenants(
  deps: PlanDeps,
  { name, tenantIds, limit, cursor }: ListPlanTenantsInput,
): Promise<Page<PlanTenant>> {
  const { planId } = await getPlan(deps, { name });
  const [after] = decodeCursor(cursor, 1) ?? [];
  const rows = await deps.planStore.listPlanTenants(planId, { tenantIds, limit: limit + 1, after });
  return toPage(rows, limit, ({ tenantId }) => [tenantId]);
}

export interface PlanAssignment {
  readonly name: string;
  readonly tenantId: string;
}

/**
 * Puts a tenant on a plan, in place of the one that it was on; its own prices go on counting more. A repeat changes
 * nothing. Throws `plan_not_found`.
 */
export async function assignPlan(deps: PlanDeps, { name, tenantId }: PlanAssignment): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const { planId } = requirePlan(await deps.planStore.findPlan(name, tx), name);
    if (await deps.planStore.assignPlan(tx, tenantId, planId))
      await deps.outbox.append(tx, pricesChanged, { tenantId, actorId: currentActorId() });
  });
}

/** Takes a tenant off a plan; nothing happens when it is not on it. Throws `plan_not_found`. */
export async function unassignPlan(deps: PlanDeps, { name, tenantId }: PlanAssignment): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const { planId } = requirePlan(await deps.planStore.findPlan(name, tx), name);
    if (await deps.planStore.unassignPlan(tx, tenantId, planId)) {
      await deps.outbox.append(tx, pricesChanged, { tenantId, actorId: currentActorId() });
    }
  });
}

function requirePlan(plan: PricePlan | undefined, name: string): PricePlan {
  if (!plan) throw new Failure(billingFailures.plan_not_found, { plan: name });
  return plan;
}
