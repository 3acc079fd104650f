import type { Budget } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import type { UserDeps } from "../deps.ts";
import { type Actor, readQuotasPermission } from "../model.ts";
import { getUser } from "./get-user.ts";

export interface GetQuotaInput {
  readonly userId: string;
  readonly tenantId: string;
  readonly actor: Actor;
}

/**
 * The budgets of a person, as billing holds them: none for one without limits. One's own, with `billing:budget` everybody's in the
 * tenant. Throws `not_found` and `kit.permission_denied`, and `kit.unavailable` while billing is away.
 */
export async function getQuota(
  { store, billing }: Pick<UserDeps, "store" | "billing">,
  { userId, tenantId, actor }: GetQuotaInput,
): Promise<readonly Budget[]> {
  const person = await getUser({ store }, { userId, tenantId });
  if (actor.userId !== person.userId && !permits(actor.permissions, readQuotasPermission)) {
    throw new Failure(kitFailures.permission_denied, { permission: readQuotasPermission });
  }
  const { quota } = await billing.getUserQuota({ userId, tenantId });
  return quota?.budgets ?? [];
}
