import { commitAddress, digestEntry } from "@lyss/contracts/audit/entry-digest.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuditDeps } from "../deps.ts";
import { type ProvenEntry, platformChain } from "../model.ts";

/** Something that was done, as an event tells it. Never a secret. */
export interface AuditAct {
  readonly eventId: string;
  readonly act: string;
  /** Empty for the platform. */
  readonly tenantId: string;
  /** Empty for the platform itself. */
  readonly actorId: string;
  readonly operatorId: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
  readonly happenedAtMs: number;
  /** Plain data. */
  readonly details: Readonly<Record<string, unknown>>;
}

const saltBytes = 16;

/**
 * Adds an act to the end of its tenant's log, once whatever the number of times it is told. Acts of one log wait for each
 * other. Of a person who was forgotten no address is kept.
 */
export async function keepEntry(
  { store, sealer, clock, random }: Pick<AuditDeps, "store" | "sealer" | "clock" | "random">,
  tx: Tx,
  { tenantId, clientAddress, details, happenedAtMs, ...act }: AuditAct,
): Promise<void> {
  const chain = tenantId || platformChain;
  await store.insertChain(tx, chain);
  const end = await store.lockChain(tx, chain);
  if (!end || (await store.hasEvent(tx, act.eventId))) return;
  const isForgotten = await store.isForgotten(tx, act.actorId || act.subjectId);
  const salt = clientAddress === "" || isForgotten ? null : random.bytes(saltBytes);
  const recordedAtMs = clock.nowMs();
  const facts = {
    ...{ ...act, chain, details, happenedAtMs, recordedAtMs },
    ...{ entryId: random.id("aud"), sequence: end.sequence + 1, previousDigest: end.digest },
    addressDigest: salt ? commitAddress(salt, clientAddress) : "",
  };
  const digest = digestEntry(facts);
  const entry: ProvenEntry = {
    ...{ ...facts, digest, clientAddress: salt && clientAddress, addressSalt: salt, seal: sealer.sealEntry(digest) },
    ...{ happenedAt: new Date(happenedAtMs), recordedAt: new Date(recordedAtMs), details: JSON.stringify(details) },
  };
  await store.insertEntry(tx, entry);
  const next = { ...end, sequence: facts.sequence, digest };
  await store.updateChain(tx, { ...next, seal: sealer.sealChain(next) });
}
