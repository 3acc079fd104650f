import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type BillingService, CloseLeasesRequestSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { atMost } from "@lyss/contracts/pricing/at-most.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import type { Logger } from "pino";
import { assessLease, createLease, type Draw, draw, type NodeLease, runsLow, wantNanos } from "./lease-book.ts";
import { toRecord } from "./spool-record.ts";

/** This node's leases on tenants' wallets, kept large enough for what is drawn from them. */
export interface LeaseKeeper {
  /**
   * Money for a call: at once while the lease has it, else when billing has granted more. Undefined when money is too
   * scarce for a lease: the call must be reserved by itself. Rejects when billing cannot be asked.
   */
  draw(tenantId: string, amountNanos: bigint): Draw | undefined | Promise<Draw | undefined>;
  /** Gives back what is not promised to calls, and takes none of this tenant's money into a lease for a while. */
  recall(tenantId: string): void;
  /** As `recall`, for every tenant. */
  recallAll(): void;
  /** Looks at what leases are used for, gives back what is not needed. To be run every `assessEveryMs`. */
  assess(): Promise<void>;
  /** Tells billing that this node lives. Leases that billing has freed meanwhile are not drawn from again. */
  extend(): Promise<void>;
  /** Gives back all that is free. Leases from which calls still draw stay until they expire. */
  close(): Promise<void>;
  /** Set aside and not spent, over all tenants. */
  readonly freeNanos: bigint;
}

export const assessEveryMs = 1_000;
/** A tenant whose money was scarce gets no lease for so long. */
const scarceMs = 2_000;
/** What billing counts from when it is asked, this node counts from a little earlier. */
const validMarginMs = 2_000;
const maxExtended = 1_000;

interface Slot {
  readonly lease: NodeLease;
  /** On disk as long as billing may hold money for the lease, for whoever takes up what this process leaves. */
  readonly entry: SpoolEntry;
  /** What was sent and not answered: it is sent again before anything else. */
  unanswered: Change | undefined;
  /** The change under way. */
  changing: Promise<void> | undefined;
  /** What each of the calls needs that wait for the change. */
  readonly waiting: Set<{ readonly amountNanos: bigint }>;
}

type Change =
  | { readonly kind: "grant"; readonly wantNanos: bigint; readonly leastNanos: bigint }
  | { readonly kind: "return"; readonly amountNanos: bigint };

export function createLeaseKeeper(deps: {
  readonly billing: Client<typeof BillingService>;
  readonly spool: Spool;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): LeaseKeeper {
  const { billing, spool, nodeId, clock, random, log } = deps;
  const slots = new Map<string, Slot>();
  /** Whose lease is over, until what is left of it is given back. */
  const retired = new Set<Slot>();
  const scarceUntilMs = new Map<string, number>();
  let assessedMs = clock.monotonicMs();
  let isClosed = false;

  function slotOf(tenantId: string): Slot {
    let slot = slots.get(tenantId);
    // Billing may have freed a lease that is over, and others may have its money: more is asked for in a new one only.
    if (slot && isOver(slot.lease)) retired.add(slot);
    if (!slot || isOver(slot.lease)) {
      const lease = createLease(random.id("lse"), tenantId);
      const closing = create(CloseLeasesRequestSchema, { nodeId, leaseIds: [lease.leaseId] });
      const entry = spool.append(toRecord({ kind: "lease", closing }));
      slot = { lease, entry, unanswered: undefined, changing: undefined, waiting: new Set() };
      slots.set(tenantId, slot);
    }
    return slot;
  }

  function isOver({ changeNumber, validUntilMs }: NodeLease): boolean {
    return changeNumber > 0 && clock.monotonicMs() >= validUntilMs;
  }

  /** Billing holds nothing for it, and nobody waits for it to. */
  function isUnused({ lease, changing, unanswered, waiting }: Slot): boolean {
    return lease.freeNanos + lease.outNanos === 0n && !changing && !unanswered && waiting.size === 0;
  }

  function forget(slot: Slot): void {
    const { tenantId } = slot.lease;
    if (slots.get(tenantId) === slot) slots.delete(tenantId);
    retired.delete(slot);
    spool.drop(slot.entry);
  }

  /** Billing has freed it: nothing is drawn from it any more, and what is out of it is posted all the same. */
  function letGo(slot: Slot): void {
    slot.lease.freeNanos = 0n;
    slot.unanswered = undefined;
    forget(slot);
  }

  function isScarce(tenantId: string): boolean {
    const until = scarceUntilMs.get(tenantId);
    if (until === undefined) return false;
    if (clock.monotonicMs() < until) return true;
    scarceUntilMs.delete(tenantId);
    return false;
  }

  function markScarce(tenantId: string): void {
    scarceUntilMs.set(tenantId, clock.monotonicMs() + scarceMs);
  }

  /** One change at a time: billing tells a repeat by its number. */
  function change(slot: Slot, next: () => Change | undefined): Promise<void> {
    const previous = slot.changing;
    const changing = (async () => {
      if (previous) await previous.catch(() => undefined);
      if (slot.unanswered) await send(slot, slot.unanswered);
      const wanted = next();
      if (wanted) await send(slot, wanted);
    })().finally(() => {
      if (slot.changing === changing) slot.changing = undefined;
    });
    slot.changing = changing;
    return changing;
  }

  async function send(slot: Slot, wanted: Change): Promise<void> {
    try {
      await ask(slot, wanted);
    } catch (err) {
      if (!isFailure(err, billingFailures.lease_not_found)) throw err;
      letGo(slot);
    }
  }

  async function ask(slot: Slot, wanted: Change): Promise<void> {
    const { lease } = slot;
    const { leaseId, tenantId } = lease;
    const names = { leaseId, nodeId, tenantId, changeNumber: lease.changeNumber + 1 };
    if (wanted.kind === "return" && slot.unanswered !== wanted) lease.freeNanos -= wanted.amountNanos;
    slot.unanswered = wanted;
    const askedMs = clock.monotonicMs();
    if (wanted.kind === "return") {
      await billing.returnLease({ ...names, amountNanos: wanted.amountNanos });
    } else {
      const { grantedNanos, ttlMs } = await billing.grantLease({ ...names, ...wanted });
      lease.freeNanos += grantedNanos;
      if (grantedNanos === 0n) markScarce(tenantId);
      lease.validUntilMs = askedMs + Number(ttlMs) - validMarginMs;
    }
    slot.unanswered = undefined;
    lease.changeNumber++;
  }

  function refill(slot: Slot): Promise<void> {
    return change(slot, () => {
      const { lease } = slot;
      let neededNanos = 0n;
      let leastNanos = 0n;
      for (const { amountNanos } of slot.waiting) {
        neededNanos += amountNanos;
        if (leastNanos === 0n || amountNanos < leastNanos) leastNanos = amountNanos;
      }
      // The change before may have brought enough for everyone.
      if (neededNanos > 0n ? lease.freeNanos >= neededNanos : !runsLow(lease)) return undefined;
      const missingNanos = leastNanos > lease.freeNanos ? leastNanos - lease.freeNanos : 0n;
      return { kind: "grant", wantNanos: wantNanos(lease, neededNanos), leastNanos: missingNanos };
    });
  }

  /** Waits for one refill, shared with all who wait; then the money is there, or too scarce. */
  async function drawLater(slot: Slot, amountNanos: bigint): Promise<Draw | undefined> {
    const need = { amountNanos };
    slot.waiting.add(need);
    try {
      // The change under way may be a return, or for others only.
      for (let tries = 0; tries < 2; tries++) {
        await (tries === 0 ? (slot.changing ?? refill(slot)) : refill(slot));
        const drawn = draw(slot.lease, amountNanos, clock.monotonicMs());
        if (drawn || isScarce(slot.lease.tenantId) || slots.get(slot.lease.tenantId) !== slot) return drawn;
      }
      return undefined;
    } finally {
      slot.waiting.delete(need);
    }
  }

  /** In the background; the next call that needs it tries again. */
  function changeQuietly(slot: Slot, next: () => Change | undefined): Promise<void> {
    return change(slot, next).catch((err: unknown) => {
      log.warn({ err, tenant_id: slot.lease.tenantId }, "billing could not be told of a lease");
    });
  }

  function giveBack(slot: Slot, amountNanos: () => bigint): Promise<void> {
    return changeQuietly(slot, () => {
      const amount = amountNanos();
      return amount > 0n ? { kind: "return", amountNanos: amount } : undefined;
    });
  }

  async function giveBackRetired(): Promise<void> {
    await Promise.all([...retired].map((slot) => giveBack(slot, () => slot.lease.freeNanos)));
    for (const slot of retired) if (isUnused(slot)) forget(slot);
  }

  function recall(tenantId: string): void {
    const slot = slots.get(tenantId);
    markScarce(tenantId);
    if (slot) void giveBack(slot, () => slot.lease.freeNanos);
  }

  return {
    draw(tenantId, amountNanos) {
      const slot = slotOf(tenantId);
      const drawn = draw(slot.lease, amountNanos, clock.monotonicMs());
      if (!drawn) return isClosed || isScarce(tenantId) ? undefined : drawLater(slot, amountNanos);
      if (runsLow(slot.lease) && !slot.changing && !isScarce(tenantId)) {
        void refill(slot).catch((err: unknown) =>
          log.warn({ err, tenant_id: tenantId }, "a lease could not be refilled"),
        );
      }
      return drawn;
    },
    recall,
    recallAll() {
      for (const tenantId of slots.keys()) recall(tenantId);
    },
    async assess() {
      const nowMs = clock.monotonicMs();
      const periodMs = nowMs - assessedMs;
      assessedMs = nowMs;
      const returned = [...slots.values()].map((slot) => {
        const amount = assessLease(slot.lease, periodMs, nowMs);
        const { lease } = slot;
        if (isUnused(slot)) forget(slot);
        return amount === 0n ? undefined : giveBack(slot, () => atMost(amount, lease.freeNanos));
      });
      await Promise.all([...returned, giveBackRetired()]);
    },
    async extend() {
      const held = [...slots.values()].filter(({ lease }) => lease.changeNumber > 0);
      for (let at = 0; at < held.length; at += maxExtended) {
        const part = held.slice(at, at + maxExtended);
        const askedMs = clock.monotonicMs();
        const leaseIds = part.map(({ lease }) => lease.leaseId);
        const { openLeaseIds, ttlMs } = await billing.extendLeases({ nodeId, leaseIds });
        const open = new Set(openLeaseIds);
        for (const slot of part) {
          if (open.has(slot.lease.leaseId)) slot.lease.validUntilMs = askedMs + Number(ttlMs) - validMarginMs;
          else letGo(slot);
        }
      }
    },
    async close() {
      isClosed = true;
      await Promise.all([...slots.values()].map((slot) => giveBack(slot, () => slot.lease.freeNanos)));
      await giveBackRetired();
      for (const slot of slots.values()) if (isUnused(slot)) forget(slot);
    },
    get freeNanos() {
      let sum = 0n;
      for (const { lease } of slots.values()) sum += lease.freeNanos;
      return sum;
    },
  };
}
