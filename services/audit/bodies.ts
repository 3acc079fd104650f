import { z } from "zod";
import type { AuditEntry, ProvenEntry } from "./model.ts";

export const entryBody = z.strictObject({
  object: z.literal("audit.entry"),
  id: z.string(),
  tenant_id: z.string().nullable().describe("Null in the platform's own log."),
  sequence: z.int().describe("Its number in the log, from 1 on without gaps."),
  act: z.string().describe("What was done, such as 'key.revoked'."),
  actor_id: z.string().nullable().describe("Who did it; null for the platform itself."),
  operator_id: z.string().nullable().describe("The operator who acted in the actor's name."),
  subject_kind: z.string().describe("What kind of thing it was done to."),
  subject_id: z.string(),
  client_address: z.string().nullable().describe("Null when it is not known or was forgotten."),
  happened_at: z.iso.datetime(),
  recorded_at: z.iso.datetime(),
  details: z.record(z.string(), z.unknown()),
  event_id: z.string(),
  digest: z.string().describe("SHA-256 of all that the entry says and of the digest before it."),
});

export type EntryBody = z.input<typeof entryBody>;

/** What an export says beside: all that is needed to compute the digest. */
export type ProvenEntryBody = EntryBody & {
  readonly address_salt: string | null;
  readonly address_digest: string;
  readonly previous_digest: string;
  readonly seal: string;
};

export function toEntryBody(entry: AuditEntry): EntryBody {
  return {
    ...{ object: "audit.entry", id: entry.entryId, sequence: entry.sequence, act: entry.act },
    tenant_id: entry.chain === "platform" ? null : entry.chain,
    ...{ actor_id: entry.actorId || null, operator_id: entry.operatorId || null },
    ...{ subject_kind: entry.subjectKind, subject_id: entry.subjectId, client_address: entry.clientAddress },
    ...{ happened_at: entry.happenedAt.toISOString(), recorded_at: entry.recordedAt.toISOString() },
    ...{ details: JSON.parse(entry.details), event_id: entry.eventId, digest: entry.digest },
  };
}

export function toProvenBody(entry: ProvenEntry): ProvenEntryBody {
  return {
    ...toEntryBody(entry),
    address_salt: entry.addressSalt?.toString("hex") ?? null,
    ...{ address_digest: entry.addressDigest, previous_digest: entry.previousDigest },
    seal: entry.seal.toString("hex"),
  };
}
