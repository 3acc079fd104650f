import type { AuditDeps } from "../deps.ts";

const maxEntries = 10_000;

/**
 * Deletes entries older than the retention, from the beginning of each log on and at most 10,000 of each. The log remembers,
 * sealed, where it begins now, so that what is left can be verified. A repeat is safe.
 */
export async function deleteAgedEntries(
  { db, store, sealer, clock, retentionMs }: Pick<AuditDeps, "db" | "store" | "sealer" | "clock" | "retentionMs">,
  signal: AbortSignal,
): Promise<void> {
  const before = new Date(clock.nowMs() - retentionMs);
  for (const chain of await store.listAged(before, maxEntries)) {
    if (signal.aborted) return;
    await db.transaction(async (tx) => {
      const head = await store.lockChain(tx, chain);
      const last = await store.findLastAged(tx, chain, before, maxEntries);
      // A log that somebody changed stays as it is: its seal is not renewed.
      if (!head || !last || !sealer.isChainSeal(head.seal, head)) return;
      const next = { ...head, baseSequence: last.sequence, baseDigest: last.digest };
      await store.deleteEntries(tx, chain, last.sequence);
      await store.updateChain(tx, { ...next, seal: sealer.sealChain(next) });
    });
  }
}
