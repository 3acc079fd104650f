import { z } from "zod";
import { commitAddress, digestEntry } from "./entry-digest.ts";

/** A line of an export, as far as a check needs it. */
const line = z.object({
  id: z.string(),
  tenant_id: z.string().nullable(),
  sequence: z.int(),
  act: z.string(),
  actor_id: z.string().nullable(),
  operator_id: z.string().nullable(),
  subject_kind: z.string(),
  subject_id: z.string(),
  client_address: z.string().nullable(),
  happened_at: z.iso.datetime(),
  recorded_at: z.iso.datetime(),
  details: z.record(z.string(), z.unknown()),
  event_id: z.string(),
  digest: z.string(),
  address_salt: z.string().nullable(),
  address_digest: z.string(),
  previous_digest: z.string(),
});

/** What is known of one log in an export after its lines were looked at. */
export interface ExportedChain {
  /** A tenant's id, or `platform`. */
  readonly chain: string;
  readonly entries: number;
  readonly firstSequence: number;
  readonly lastSequence: number;
  /** To be compared with `until_digest` of a check by the platform, with an anchor, or with an earlier export. */
  readonly lastDigest: string;
  /** Entries between the first and the last that are not there. */
  readonly missing: number;
}

/**
 * Checks an export of audit logs line by line, without the platform: each entry is what its digest says, and the digest before
 * it is the one of the entry before. Entries that are missing in between are counted, for an export may be a selection.
 */
export function createExportCheck() {
  const chains = new Map<string, ExportedChain>();
  let lines = 0;
  return {
    /** Throws an Error that names the line and what is wrong with it. */
    add(text: string): void {
      lines++;
      const entry = parseLine(text, lines);
      const chain = entry.tenant_id ?? "platform";
      const before = chains.get(chain);
      if (digestEntry(toFacts(entry, chain)) !== entry.digest)
        throw atLine(lines, "the entry is not what its digest says");
      if (!isAddressTrue(entry)) throw atLine(lines, "the address is not the one that was written");
      if (before && entry.sequence <= before.lastSequence) throw atLine(lines, "the entry is out of order");
      const gap = before ? entry.sequence - before.lastSequence - 1 : 0;
      if (before && gap === 0 && entry.previous_digest !== before.lastDigest) {
        throw atLine(lines, "the entry does not follow the one before it");
      }
      chains.set(chain, {
        ...{ chain, entries: (before?.entries ?? 0) + 1, missing: (before?.missing ?? 0) + gap },
        firstSequence: before?.firstSequence ?? entry.sequence,
        ...{ lastSequence: entry.sequence, lastDigest: entry.digest },
      });
    },
    /** What was found so far, by log. */
    results: (): readonly ExportedChain[] => [...chains.values()],
  };
}

type Line = z.output<typeof line>;

function parseLine(text: string, number: number): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw atLine(number, "this is no JSON");
  }
  const parsed = line.safeParse(value);
  if (!parsed.success) throw atLine(number, `${parsed.error.issues[0]?.path.join(".")} is missing or no such field`);
  return parsed.data;
}

function toFacts(entry: Line, chain: string) {
  const { sequence, act, details } = entry;
  return {
    ...{ chain, sequence, act, details, entryId: entry.id, eventId: entry.event_id, actorId: entry.actor_id ?? "" },
    ...{ operatorId: entry.operator_id ?? "", subjectKind: entry.subject_kind, subjectId: entry.subject_id },
    ...{ addressDigest: entry.address_digest, previousDigest: entry.previous_digest },
    ...{ happenedAtMs: Date.parse(entry.happened_at), recordedAtMs: Date.parse(entry.recorded_at) },
  };
}

function isAddressTrue({ client_address: address, address_salt: salt, address_digest: digest }: Line): boolean {
  if (address === null && salt === null) return true;
  return address !== null && salt !== null && commitAddress(Buffer.from(salt, "hex"), address) === digest;
}

function atLine(number: number, what: string): Error {
  return new Error(`line ${number}: ${what}`);
}
