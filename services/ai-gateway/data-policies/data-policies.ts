import { dataPolicyApplied } from "@lyss/contracts/events/ai-gateway.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { createNewestRead } from "../newest-read.ts";
import { type DataPolicy, type ToldPolicy, toDataPolicy, unsaidPolicy } from "./data-policy.ts";
import { createDataPolicyStore } from "./data-policy-store.ts";

/** What tenants allow to be kept of their calls, by the data policies that they set at the tenant service. */
export interface DataPolicies {
  /** As this node knows it: a change counts on every node within two seconds. One look-up. */
  of(tenantId: string): DataPolicy;
  /** The same as it is written, which stays until the end of the transaction. */
  hold(tx: Tx, tenantId: string): Promise<DataPolicy>;
  /**
   * Notes what a tenant has set, and tells every node. One that is not newer changes nothing. Throws a RangeError for something to take
   * out that nothing here finds.
   */
  follow(tx: Tx, told: ToldPolicy): Promise<void>;
  /** Reads all anew. */
  load(): Promise<void>;
}

export function createDataPolicies({ db, outbox }: { readonly db: Database; readonly outbox: Outbox }): DataPolicies {
  const store = createDataPolicyStore(db);
  let byTenant: ReadonlyMap<string, DataPolicy> = new Map();
  const newest = createNewestRead();

  return {
    of: (tenantId) => byTenant.get(tenantId) ?? unsaidPolicy,
    async hold(tx, tenantId) {
      const told = await store.hold(tx, tenantId);
      return told ? toDataPolicy(told) : unsaidPolicy;
    },
    async follow(tx, told) {
      // Before it is written: what is written is read by every call.
      toDataPolicy(told);
      const { tenantId, version } = told;
      if (await store.put(tx, told)) await outbox.append(tx, dataPolicyApplied, { tenantId, version });
    },
    load: () =>
      newest(store.list, (all) => {
        byTenant = new Map(all.map((told) => [told.tenantId, toDataPolicy(told)]));
      }),
  };
}
