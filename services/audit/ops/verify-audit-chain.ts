import { auditAnchored } from "@lyss/contracts/events/audit.ts";
import type { AuditAnchored } from "@lyss/contracts/gen/lyss/audit/v1/audit_pb.js";
import { decodeStored } from "@lyss/kit/event-sourcing/upcast.ts";
import { readStreamBackwards } from "@lyss/kit/events/stream-reader.ts";
import type { AuditDeps } from "../deps.ts";
import { type BreakReason, type ChainPlace, findBreak } from "../follow-chain.ts";
import type { Chain } from "../model.ts";

export interface VerifyChainInput {
  readonly chain: string;
  /** Only entries after this number. */
  readonly afterSequence: number;
}

export interface ChainVerdict {
  readonly isIntact: boolean;
  /** Entries that were checked and hold together. */
  readonly entries: number;
  /** The last of them. */
  readonly untilSequence: number;
  /** Its digest. */
  readonly untilDigest: string;
  /** True when that is the end of the log. */
  readonly isComplete: boolean;
  /** 0 when the log is intact. */
  readonly brokenSequence: number;
  readonly reason: BreakReason | undefined;
}

const pageSize = 1_000;
const maxEntries = 100_000;

/** The stream of a log's anchors. It lies in the event log, which another role of the database owns. */
export function anchorStreamOf(chain: string): { readonly source: "audit"; readonly stream: string } {
  return { source: "audit", stream: `audit-anchor/${chain}` };
}

/**
 * Checks a log, at most 100,000 entries of it: every entry is sealed and follows the one before it, the end is the one that was
 * sealed last, and the last anchor lies in it. A log of which nothing was ever written is intact.
 */
export async function verifyAuditChain(
  { db, store, sealer }: Pick<AuditDeps, "db" | "store" | "sealer">,
  { chain, afterSequence }: VerifyChainInput,
): Promise<ChainVerdict> {
  const anchor = await findAnchor(db, chain);
  const found = await store.findChain(chain);
  const head = found ?? { chain, sequence: 0, digest: "", baseSequence: 0, baseDigest: "", seal: null };
  const isEndSealed = head.sequence === 0 ? head.digest === "" : sealer.isChainSeal(head.seal, head);
  if (!isEndSealed) return broken(head, 0, "end_wrong", Math.max(1, head.sequence));
  if (anchor && anchor.sequence > head.sequence) return broken(head, 0, "anchor_wrong");
  const start = await findStart(store, head, afterSequence);
  if (!start) return broken({ sequence: afterSequence - 1, digest: "" }, 0, "entry_missing");
  let place: ChainPlace = start;
  const until = Math.min(head.sequence, start.sequence + maxEntries);
  while (place.sequence < until) {
    const rows = await store.readChain(chain, place.sequence, Math.min(pageSize, until - place.sequence));
    const [first] = rows;
    if (first?.sequence !== place.sequence + 1 && (await isBegunLater(store, head))) {
      return verifyAuditChain({ db, store, sealer }, { chain, afterSequence });
    }
    if (!first) return broken(place, place.sequence - start.sequence, "entry_missing");
    for (const row of rows) {
      const isAnchorWrong = anchor?.sequence === row.sequence && anchor.digest !== row.digest;
      const reason = findBreak(place, row, sealer) ?? (isAnchorWrong ? "anchor_wrong" : undefined);
      if (reason) return broken(place, place.sequence - start.sequence, reason);
      place = row;
    }
  }
  const entries = place.sequence - start.sequence;
  const isComplete = place.sequence === head.sequence;
  if (isComplete && place.digest !== head.digest) return broken(place, entries, "end_wrong", place.sequence);
  return {
    ...{ isIntact: true, entries, untilSequence: place.sequence, untilDigest: place.digest, isComplete },
    ...{ brokenSequence: 0, reason: undefined },
  };
}

async function findAnchor(db: AuditDeps["db"], chain: string): Promise<ChainPlace | undefined> {
  const [row] = await readStreamBackwards(db.sql, anchorStreamOf(chain), { beforeRevision: undefined }, 1);
  if (!row) return undefined;
  const { sequence, digest } = decodeStored(row, [auditAnchored], {}).data as AuditAnchored;
  return { sequence: Number(sequence), digest };
}

type Head = Pick<Chain, "chain" | "sequence" | "digest" | "baseSequence" | "baseDigest">;

/** The place behind which the check begins; undefined when the entry there is missing. */
async function findStart(
  store: AuditDeps["store"],
  head: Head,
  afterSequence: number,
): Promise<ChainPlace | undefined> {
  if (afterSequence <= head.baseSequence) return { sequence: head.baseSequence, digest: head.baseDigest };
  if (afterSequence >= head.sequence) return { sequence: head.sequence, digest: head.digest };
  const digest = await store.findDigest(head.chain, afterSequence);
  return digest === undefined ? undefined : { sequence: afterSequence, digest };
}

/** True when old entries were deleted since the check began. */
async function isBegunLater(store: AuditDeps["store"], { chain, baseSequence }: Head): Promise<boolean> {
  const now = await store.findChain(chain);
  return now !== undefined && now.baseSequence > baseSequence;
}

function broken(
  { sequence, digest }: ChainPlace,
  entries: number,
  reason: BreakReason,
  brokenSequence = sequence + 1,
): ChainVerdict {
  const until = { untilSequence: Math.max(0, sequence), untilDigest: digest };
  return { isIntact: false, entries, ...until, isComplete: false, brokenSequence, reason };
}
