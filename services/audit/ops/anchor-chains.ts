import { auditAnchored, auditChainBroken } from "@lyss/contracts/events/audit.ts";
import type { AuditDeps } from "../deps.ts";
import type { Chain } from "../model.ts";
import { anchorStreamOf, verifyAuditChain } from "./verify-audit-chain.ts";

const chainsPerPage = 200;

/**
 * Checks what every log has grown by since its last anchor and anchors its end: in the event log, which another role of the
 * database owns, and in a line of the program's log. A log that is broken gets no anchor; an event and a line say so. A repeat
 * is safe.
 */
export async function anchorChains(deps: AuditDeps, signal: AbortSignal): Promise<void> {
  let after = "";
  while (!signal.aborted) {
    const chains = await deps.store.listUnanchored(after, chainsPerPage);
    for (const chain of chains) {
      if (signal.aborted) return;
      await anchorChain(deps, chain);
      after = chain.chain;
    }
    if (chains.length < chainsPerPage) return;
  }
}

async function anchorChain(deps: AuditDeps, { chain, anchoredSequence }: Chain): Promise<void> {
  const { db, store, outbox, log } = deps;
  const verdict = await verifyAuditChain(deps, { chain, afterSequence: anchoredSequence });
  const { untilSequence, untilDigest: digest, brokenSequence, reason } = verdict;
  if (!verdict.isIntact) {
    log.error({ chain, broken_sequence: brokenSequence, reason }, "an audit log was changed by somebody");
    const said = { chain, brokenSequence: BigInt(brokenSequence), reason: reason ?? "" };
    await db.transaction((tx) => outbox.append(tx, auditChainBroken, said));
    return;
  }
  const { stream } = anchorStreamOf(chain);
  const isNew = await db.transaction(async (tx) => {
    if (!(await store.updateAnchored(tx, chain, untilSequence))) return false;
    const anchor = { chain, sequence: BigInt(untilSequence), digest };
    await outbox.append(tx, auditAnchored, anchor, { stream, expectedRevision: "any" });
    return true;
  });
  if (isNew) log.info({ chain, sequence: untilSequence, digest }, "audit log anchored");
}
