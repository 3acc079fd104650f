import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";

/** Held by those who see what everybody in their tenant uses; others see their own. */
export const readAllUsagePermission = "billing:audit";

/** Whose usage: all of a tenant's, a person's, or that of a key that belongs to no person. */
export interface UsageScope {
  readonly tenantId: string;
  readonly userId?: string | undefined;
  readonly keyId?: string | undefined;
}

/**
 * The part of a tenant's usage that is asked for, if the caller may see it. Without `billing:audit` that is at most the
 * caller's own: of the person, over all their keys, or of a key without one. Throws `kit.permission_denied`.
 */
export function scopeFor(
  { tenantId, userId, keyId, permissions }: Caller,
  asked: { readonly userId?: string | undefined; readonly keyId?: string | undefined },
): UsageScope {
  if (permits(permissions, readAllUsagePermission)) return { tenantId, ...asked };
  const isOthers = asked.userId !== undefined && asked.userId !== userId;
  if (userId !== "" && !isOthers) return { tenantId, userId, keyId: asked.keyId };
  if (userId === "" && keyId !== "" && asked.userId === undefined && (asked.keyId ?? keyId) === keyId) {
    return { tenantId, keyId };
  }
  throw new Failure(kitFailures.permission_denied, { permission: readAllUsagePermission });
}
