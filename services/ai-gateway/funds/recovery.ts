import type { Client } from "@connectrpc/connect";
import type { BillingService, CloseLeasesRequest } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import type { Logger } from "pino";
import type { FactJournal, RecoveredFact } from "./fact-journal.ts";
import { parseRecord } from "./spool-record.ts";

/** Takes up what dead processes left in their spools. */
export interface Recovery {
  /** Charges the attempts; when all are charged their leases are to be closed. Leaves alone what it does not know. */
  takeUp(entries: readonly SpoolEntry[]): void;
  /** Closes the leases of the dead, so that their money is free before it would expire. To be called again and again. Rejects when billing is away. */
  closeLeases(): Promise<void>;
}

interface Closing {
  readonly request: CloseLeasesRequest;
  readonly entry: SpoolEntry;
  /** By the monotonic clock; undefined before. */
  firstClosedMs: number | undefined;
}

/**
 * What a process had asked for when it died may be granted after its leases were closed, and would be held until it expires: for so
 * long, as long as billing works at most on what it is asked, they are closed again.
 */
const lateGrantMs = 10_000;

export function createRecovery(deps: {
  readonly spool: Spool;
  readonly billing: Client<typeof BillingService>;
  readonly journal: FactJournal;
  readonly clock: Clock;
  readonly log: Logger;
}): Recovery {
  const { spool, billing, journal, clock, log } = deps;
  const toClose = new Set<Closing>();

  async function closeLeases(): Promise<void> {
    for (const closing of toClose) {
      const { freedNanos } = await billing.closeLeases(closing.request);
      const { nodeId, leaseIds } = closing.request;
      if (freedNanos > 0n) log.info({ node: nodeId, leases: leaseIds, nanos: String(freedNanos) }, "leases are closed");
      closing.firstClosedMs ??= clock.monotonicMs();
      if (clock.monotonicMs() - closing.firstClosedMs < lateGrantMs) continue;
      spool.drop(closing.entry);
      toClose.delete(closing);
    }
  }

  async function takeUp(entries: readonly SpoolEntry[]): Promise<void> {
    const facts: RecoveredFact[] = [];
    const closings: Closing[] = [];
    for (const entry of entries) {
      try {
        const record = parseRecord(entry.record);
        if (record.kind === "lease") closings.push({ request: record.closing, entry, firstClosedMs: undefined });
        else facts.push({ ...record, entry });
      } catch (err) {
        log.error({ err }, "a spool record cannot be read; it stays on disk");
      }
    }
    await journal.recover(facts);
    for (const closing of closings) toClose.add(closing);
    await closeLeases();
  }

  return {
    takeUp(entries) {
      takeUp(entries).catch((err: unknown) => log.warn({ err }, "leases of a dead process cannot be closed yet"));
    },
    closeLeases,
  };
}
