import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { dataPolicyChanged } from "@lyss/contracts/events/tenant.ts";
import { lockTenant, requireVersion, type TenantChange } from "../change-tenant.ts";
import type { TenantDeps } from "../deps.ts";
import { toActorFields } from "../messages.ts";
import { type DataPolicy, defaultPolicy, type Redaction } from "../model.ts";

export interface SetDataPolicyInput extends TenantChange {
  /** 1 to 3,650. */
  readonly retentionDays: number;
  readonly storeBodies: boolean;
  readonly redact: readonly Redaction[];
}

/** A new version holds from now on; one that says the same is not made. Throws `not_found` and `version_mismatch`. */
export async function setDataPolicy(deps: TenantDeps, input: SetDataPolicyInput): Promise<DataPolicy> {
  const { db, store, outbox, clock } = deps;
  const { tenantId, actor, expectedVersion, retentionDays, storeBodies, redact } = input;
  return db.transaction(async (tx) => {
    await lockTenant(deps, tx, input);
    const [latest = defaultPolicy(tenantId)] = await store.listPolicies(tx, tenantId, undefined, 1);
    requireVersion(latest.version, expectedVersion);
    const wanted = { retentionDays, storeBodies, redact };
    if (isSame(latest, wanted)) return latest;
    const changedAt = new Date(clock.nowMs());
    const version = latest.version + 1;
    const policy: DataPolicy = { tenantId, version, ...wanted, changedBy: actor.userId, changedAt };
    await store.insertPolicy(tx, policy);
    await outbox.append(tx, dataPolicyChanged, {
      ...{ tenantId, version: BigInt(version), retentionDays, storeBodies, redact: [...redact] },
      ...toActorFields(actor),
      changedAt: timestampFromDate(changedAt),
    });
    return policy;
  });
}

function isSame(latest: DataPolicy, wanted: Pick<DataPolicy, "retentionDays" | "storeBodies" | "redact">): boolean {
  return (
    latest.retentionDays === wanted.retentionDays &&
    latest.storeBodies === wanted.storeBodies &&
    latest.redact.join() === wanted.redact.join()
  );
}
