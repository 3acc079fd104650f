import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import type { Keyring } from "@lyss/kit/crypto/keyring.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { DataKey } from "./envelope.ts";
import type { CredentialStore, StoredDataKey } from "./store.ts";

const dataKeyBytes = 32;
const maxCached = 1_000;

export interface DataKeysDeps {
  readonly db: Database;
  readonly store: CredentialStore;
  readonly keyring: Keyring;
  readonly random: Random;
  readonly clock: Clock;
  readonly ttlMs: number;
}

/** The tenants' data keys, each in memory for at most `ttlMs`. Throws `unreadable` for one the keyring does not open. */
export function createDataKeys({ db, store, keyring, random, clock, ttlMs }: DataKeysDeps) {
  const cached = new Map<string, { readonly dataKey: DataKey; readonly untilMs: number }>();

  function remember(dataKey: DataKey): DataKey {
    const [oldest] = cached.keys();
    if (cached.size >= maxCached && oldest !== undefined) cached.delete(oldest);
    cached.set(dataKey.dataKeyId, { dataKey, untilMs: clock.monotonicMs() + ttlMs });
    return dataKey;
  }

  function recall(dataKeyId: string): DataKey | undefined {
    const entry = cached.get(dataKeyId);
    if (entry && entry.untilMs > clock.monotonicMs()) return entry.dataKey;
    cached.delete(dataKeyId);
    return undefined;
  }

  async function unwrap(stored: StoredDataKey): Promise<DataKey> {
    const known = recall(stored.dataKeyId);
    if (known) return known;
    const bytes = await keyring.unwrap(stored, contextOf(stored));
    if (!bytes) throw new Failure(credentialFailures.unreadable);
    return remember({ dataKeyId: stored.dataKeyId, bytes });
  }

  async function createFor(tenantId: string): Promise<StoredDataKey | undefined> {
    const name = { dataKeyId: random.id("dek"), tenantId };
    const wrapped = await keyring.wrap(random.bytes(dataKeyBytes), contextOf(name));
    await db.transaction((tx) => store.insertDataKey(tx, { ...name, ...wrapped }, new Date(clock.nowMs())));
    // Another node may have been first: what is stored is the tenant's key.
    return store.findDataKeyOf(tenantId);
  }

  return {
    /** The key that seals this tenant's secrets; made at first use. */
    async getForTenant(tenantId: string): Promise<DataKey> {
      const stored = (await store.findDataKeyOf(tenantId)) ?? (await createFor(tenantId));
      if (!stored) throw new Failure(credentialFailures.unreadable);
      return unwrap(stored);
    },

    async get(dataKeyId: string): Promise<DataKey> {
      const known = recall(dataKeyId);
      if (known) return known;
      const stored = await store.findDataKey(dataKeyId);
      if (!stored) throw new Failure(credentialFailures.unreadable);
      return unwrap(stored);
    },
  };
}

export type DataKeys = ReturnType<typeof createDataKeys>;

/** Keeps a wrapped key from opening in another tenant's row. */
function contextOf({ tenantId, dataKeyId }: { tenantId: string; dataKeyId: string }): string {
  return JSON.stringify([tenantId, dataKeyId]);
}
