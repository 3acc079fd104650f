import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import { endLimits } from "../limits/change-limits.ts";
import { sayAccessChanged } from "../say-access-changed.ts";
import type { SignInPolicy } from "../sign-in-policy.ts";

interface OfGroup {
  readonly groupId: string;
  readonly tenantId: string;
}

/** What happened to a group, as far as it decides who may do what. */
export type GroupFact =
  | (OfGroup & { readonly kind: "made"; readonly parentId: string; readonly name: string })
  | (OfGroup & { readonly kind: "placed"; readonly parentId: string })
  | (OfGroup & { readonly kind: "named"; readonly name: string })
  | (OfGroup & { readonly kind: "given"; readonly permissions: readonly string[] })
  | (OfGroup & { readonly kind: "archived" })
  | (OfGroup & { readonly kind: "joined"; readonly userId: string; readonly role: string })
  | (OfGroup & { readonly kind: "left"; readonly userId: string });

/**
 * Takes in what happened to a group. Whose permissions that may change is asked of auth anew by every node as soon as that
 * commits. A repeat is safe.
 */
export async function followGroup(
  deps: Pick<AuthDeps, "access" | "clients" | "limits" | "outbox" | "clock">,
  tx: Tx,
  fact: GroupFact,
): Promise<void> {
  const { access } = deps;
  const { tenantId, groupId } = fact;
  switch (fact.kind) {
    case "made":
      return access.putGroup(tx, fact);
    case "named":
      return access.setName(tx, groupId, fact.name);
    case "placed":
      // Where a group stands gives roles in groups, and nothing in the tenant.
      return access.setParent(tx, groupId, fact.parentId);
    case "given":
      await access.setPermissions(tx, groupId, fact.permissions);
      return sayAccessChanged(deps, tx, { tenantId, userId: "" });
    case "archived":
      await access.archiveGroup(tx, groupId);
      await endLimits(deps, tx, { tenantId, subject: "group", subjectId: groupId });
      return sayAccessChanged(deps, tx, { tenantId, userId: "" });
    case "joined":
      await access.putMember(tx, fact);
      return sayAccessChanged(deps, tx, { tenantId, userId: fact.userId });
    case "left":
      await access.deleteMember(tx, fact);
      return sayAccessChanged(deps, tx, { tenantId, userId: fact.userId });
  }
}

/** How a tenant lets its people sign in from now on. An earlier version than the one known changes nothing. */
export async function followPolicy(
  { access }: Pick<AuthDeps, "access">,
  tx: Tx,
  input: { readonly tenantId: string; readonly policy: SignInPolicy; readonly version: bigint },
): Promise<void> {
  await access.putPolicy(tx, input.tenantId, input.policy, input.version);
}
