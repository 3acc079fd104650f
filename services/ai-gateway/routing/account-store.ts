import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Provider } from "../model.ts";
import type { AccountState } from "./target-health.ts";

/** An account as it stands for all nodes. */
export interface StoredAccount {
  readonly providerId: string;
  readonly state: AccountState;
  /** Of the provider's refusal; 0 where there was none. */
  readonly status: number;
}

type Named = Pick<Provider, "providerId" | "tenantId">;

/** The SQL of providers' accounts. One method, one statement. */
export function createAccountStore(sql: Sql) {
  return {
    /** Those that are not well. */
    listOut(): Promise<StoredAccount[]> {
      return sql<StoredAccount[]>`
        select provider_id as "providerId", state, status from provider_account where state <> 'well'
        order by provider_id limit 10000`;
    },

    /** False when it is in that state already: somebody else has said so. */
    async changeState(tx: Tx, { providerId, tenantId }: Named, state: AccountState, status: number): Promise<boolean> {
      const changed = await tx`
        insert into provider_account as account (provider_id, tenant_id, state, status)
        select ${providerId}, ${tenantId}, ${state}, ${status} where ${state} <> 'well'
          or exists (select 1 from provider_account where provider_id = ${providerId})
        on conflict (provider_id) do update set state = excluded.state, status = excluded.status, changed_at = now()
        where account.state <> excluded.state`;
      return changed.count > 0;
    },

    /** The ids of those that nobody has probed since they were due: they are the caller's to probe, and due again so much later. */
    async claimProbes(accounts: readonly (Named & { readonly dueInMs: number })[]): Promise<ReadonlySet<string>> {
      // In one order on every node, so that two of them never wait for each other.
      const sorted = accounts.toSorted((a, b) => (a.providerId < b.providerId ? -1 : 1));
      const rows = await sql<{ providerId: string }[]>`
        insert into provider_account as account (provider_id, tenant_id, probe_due_at)
        select provider_id, tenant_id, now() + due_in_ms * interval '1 millisecond'
        from unnest(${sorted.map(({ providerId }) => providerId)}::text[], ${sorted.map(({ tenantId }) => tenantId)}::text[],
          ${sorted.map(({ dueInMs }) => dueInMs)}::int[]) as due (provider_id, tenant_id, due_in_ms)
        order by provider_id
        on conflict (provider_id) do update set probe_due_at = excluded.probe_due_at
        where account.probe_due_at is null or account.probe_due_at <= now()
        returning provider_id as "providerId"`;
      return new Set(rows.map(({ providerId }) => providerId));
    },

    async forget(tx: Tx, providerId: string): Promise<void> {
      await tx`delete from provider_account where provider_id = ${providerId}`;
    },
  };
}

export type AccountStore = ReturnType<typeof createAccountStore>;
