import { providerAccountChanged } from "@lyss/contracts/events/ai-gateway.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Provider } from "../model.ts";
import type { AccountStore } from "./account-store.ts";
import type { AccountState } from "./target-health.ts";

/** What this node has found of accounts, on its way to their owners and to the other nodes. */
export interface AccountChanges {
  note(provider: Provider, state: AccountState, status: number): void;
  /** Says what was noted since the last time, the last of each account; what all nodes know already is not said again. */
  publish(): Promise<void>;
}

interface Change {
  readonly provider: Provider;
  readonly state: AccountState;
  readonly status: number;
}

export function createAccountChanges({
  db,
  outbox,
  node,
  store,
}: {
  readonly db: Database;
  readonly outbox: Outbox;
  readonly node: string;
  readonly store: AccountStore;
}): AccountChanges {
  let noted = new Map<string, Change>();
  return {
    note: (provider, state, status) => void noted.set(provider.providerId, { provider, state, status }),
    async publish() {
      if (noted.size === 0) return;
      const said = noted;
      noted = new Map();
      try {
        for (const { provider, state, status } of said.values()) {
          const { providerId, tenantId, name } = provider;
          await db.transaction(async (tx) => {
            if (!(await store.changeState(tx, provider, state, status))) return;
            await outbox.append(tx, providerAccountChanged, { node, tenantId, providerId, name, state, status });
          });
        }
      } catch (err) {
        // What was found since counts more. To say one of them twice changes nothing.
        noted = new Map([...said, ...noted]);
        throw err;
      }
    },
  };
}
