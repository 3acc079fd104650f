import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { CredentialDeps } from "../deps.ts";
import { dataKeyIdOf, openEnvelope, sealEnvelope } from "../envelope.ts";
import { bindingOf } from "../model.ts";
import type { SealedCredential } from "../store.ts";

/** How far secrets are sealed by the newest data keys. */
export interface ReEncryption {
  /** Data keys that seal nothing new, and are destroyed once nothing is sealed by them. */
  readonly retiredKeys: number;
  /** Secrets that are sealed by them. */
  readonly secretsLeft: number;
}

const atOnce = 100;
/** What has begun to seal with a key before it was retired is in the database by then. */
const destroyAfterMs = 600_000;

/** Every tenant's data key is followed by another; secrets are sealed anew in the background, and open all the while. */
export async function retireDataKeys(deps: CredentialDeps): Promise<ReEncryption> {
  const { db, store, clock, log } = deps;
  const keys = await db.transaction((tx) => store.retireDataKeys(tx, new Date(clock.nowMs())));
  log.info({ keys }, "data keys of credentials are retired");
  return getReEncryption(deps);
}

export function getReEncryption({ store }: Pick<CredentialDeps, "store">): Promise<ReEncryption> {
  return store.countRetired();
}

/**
 * Seals anew what retired keys have sealed, and destroys those that seal nothing any more. Any number of nodes may do it at once: a secret that has
 * changed meanwhile stays as it is. One that does not open is left, and keeps its key.
 */
export async function reEncrypt(deps: CredentialDeps, signal?: AbortSignal): Promise<void> {
  const { db, store, clock } = deps;
  for (let after = ""; !signal?.aborted; ) {
    const rows = await store.listSealedByRetired(after, atOnce);
    for (const row of rows) await sealAnew(deps, row);
    const last = rows.at(-1);
    if (!last || rows.length < atOnce) break;
    after = last.credentialId;
  }
  await db.transaction((tx) => store.destroyRetired(tx, new Date(clock.nowMs() - destroyAfterMs)));
}

async function sealAnew({ db, store, dataKeys, random, log }: CredentialDeps, row: SealedCredential): Promise<void> {
  const { envelope, credentialId, tenantId } = row;
  const dataKeyId = envelope && dataKeyIdOf(envelope);
  if (!envelope || !dataKeyId) return;
  try {
    const secret = openEnvelope(await dataKeys.get(dataKeyId), envelope, bindingOf(row));
    if (!secret) return void log.error({ credential_id: credentialId }, "a credential cannot be sealed anew");
    const next = sealEnvelope(random, await dataKeys.getForTenant(tenantId), secret, bindingOf(row));
    await db.transaction((tx) => store.replaceEnvelope(tx, row.credentialId, envelope, next));
  } catch (err) {
    if (!isFailure(err, credentialFailures.unreadable)) throw err;
    log.error({ credential_id: credentialId }, "a credential cannot be sealed anew");
  }
}
