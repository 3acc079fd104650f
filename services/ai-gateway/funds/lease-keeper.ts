import { create } from "@bufbuild/protobuf";
import type { Client } from "@connectrpc/connect";
import { type Amounts, budgetUnits, eachUnit, isNothing } from "@lyss/contracts/budgets/amounts.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type BillingService, CloseLeasesRequestSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { atMost } from "@lyss/contracts/pricing/at-most.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Spool, SpoolEntry } from "@lyss/kit/spool/spool.ts";
import type { Logger } from "pino";
import type { LeasePath } from "./budget-paths.ts";
import {
  addGranted,
  assessLease,
  covers,
  createLease,
  type Draw,
  draw,
  freeOf,
  type Granted,
  giveBack,
  isEmpty,
  missingOf,
  type NodeLease,
  runsLow,
  wantedBy,
} from "./lease-book.ts";
import { createScarcity } from "./scarcity.ts";
import { toRecord } from "./spool-record.ts";

/** This node's leases on tenants' wallets and their budgets, kept large enough for what is drawn from them. */
export interface LeaseKeeper {
  /**
   * What a call needs: at once while the lease of its path has it, else when billing has granted more. Undefined when it is too
   * scarce for a lease: the call must be reserved by itself. Rejects when billing cannot be asked.
   */
  draw(path: LeasePath, need: Amounts): Draw | undefined | Promise<Draw | undefined>;
  /**
   * Gives back what is not promised to calls, and takes none of it into a lease for a while: of this tenant's money, or of
   * one budget. Resolves when it is back, or billing cannot be told.
   */
  recall(tenantId: string, budgetId?: string): Promise<void>;
  /** As `recall`, for every tenant. */
  recallAll(): Promise<void>;
  /** The tenant's calls must fit into other budgets by now: they draw from new leases, and what is free of the old goes back. */
  renew(tenantId: string): void;
  renewAll(): void;
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
/** What billing counts from when it is asked, this node counts from a little earlier. */
const validMarginMs = 2_000;
const maxExtended = 1_000;

interface Slot {
  readonly lease: NodeLease;
  /** On disk as long as billing may hold money for the lease, for whoever takes up what this process leaves. */
  readonly entry: SpoolEntry;
  /** Resolves when it is there. */
  readonly written: Promise<void>;
  /** What was sent and not answered: it is sent again before anything else. */
  unanswered: Change | undefined;
  /** The change under way. */
  changing: Promise<void> | undefined;
  /** What each of the calls needs that wait for the change. */
  readonly waiting: Set<Amounts>;
}

type Change =
  | { readonly kind: "grant"; readonly want: Amounts; readonly least: Amounts }
  | { readonly kind: "return"; readonly amounts: Amounts };

export function createLeaseKeeper(deps: {
  readonly billing: Client<typeof BillingService>;
  readonly spool: Spool;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}): LeaseKeeper {
  const { billing, spool, nodeId, clock, random, log } = deps;
  /** By the path of their calls. */
  const slots = new Map<string, Slot>();
  /** Whose lease is over, or of other budgets than its calls have by now, until what is left of it is given back. */
  const retired = new Set<Slot>();
  const scarcity = createScarcity(clock);
  let assessedMs = clock.monotonicMs();
  let isClosed = false;

  function slotOf(path: LeasePath): Slot {
    let slot = slots.get(path.name);
    // Billing may have freed a lease that is over, and others may have its money: more is asked for in a new one only.
    if (slot && isOver(slot.lease)) retired.add(slot);
    if (!slot || isOver(slot.lease)) {
      const lease = createLease(random.id("lse"), path);
      const onDisk = writeDown(spool, nodeId, lease.leaseId);
      slot = { lease, ...onDisk, unanswered: undefined, changing: undefined, waiting: new Set() };
      slots.set(path.name, slot);
    }
    return slot;
  }

  function isOver({ changeNumber, validUntilMs }: NodeLease): boolean {
    return changeNumber > 0 && clock.monotonicMs() >= validUntilMs;
  }

  function forget(slot: Slot): void {
    const { name } = slot.lease.path;
    if (slots.get(name) === slot) slots.delete(name);
    retired.delete(slot);
    spool.drop(slot.entry);
  }

  /** Billing has freed it: nothing is drawn from it any more, and what is out of it is posted all the same. */
  function letGo(slot: Slot): void {
    giveBack(slot.lease, freeOf(slot.lease));
    slot.unanswered = undefined;
    forget(slot);
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

  /** Money for a lease that is not on disk would be nobody's if this process died. */
  async function untilOnDisk(slot: Slot): Promise<void> {
    try {
      await slot.written;
    } catch (cause) {
      forget(slot);
      throw new Failure(aiGatewayFailures.cannot_record, {}, { cause });
    }
  }

  async function ask(slot: Slot, wanted: Change): Promise<void> {
    const { lease } = slot;
    if (lease.changeNumber === 0) await untilOnDisk(slot);
    const { leaseId, path } = lease;
    const { tenantId, userId, keyId } = path;
    const names = { leaseId, nodeId, tenantId, changeNumber: lease.changeNumber + 1 };
    if (wanted.kind === "return" && slot.unanswered !== wanted) giveBack(lease, wanted.amounts);
    slot.unanswered = wanted;
    const askedMs = clock.monotonicMs();
    if (wanted.kind === "return") {
      const { money, tokens, calls } = wanted.amounts;
      await billing.returnLease({ ...names, amountNanos: money, amountTokens: tokens, amountCalls: calls });
    } else {
      const { want, least } = wanted;
      const granted = await billing.grantLease({
        ...{ ...names, userId, keyId, wantNanos: want.money, leastNanos: least.money },
        ...{ wantTokens: want.tokens, leastTokens: least.tokens, wantCalls: want.calls, leastCalls: least.calls },
      });
      addGranted(lease, granted);
      lease.budgetIds = granted.budgetIds;
      if (isNothing(amountsOf(granted))) scarcity.notePath(path);
      if (granted.endsInMs !== undefined) lease.endsAtMs = askedMs + Number(granted.endsInMs) - validMarginMs;
      keepValid(lease, askedMs, granted.ttlMs);
    }
    slot.unanswered = undefined;
    lease.changeNumber++;
  }

  function keepValid(lease: NodeLease, askedMs: number, ttlMs: bigint): void {
    lease.validUntilMs = Math.min(askedMs + Number(ttlMs) - validMarginMs, lease.endsAtMs);
  }

  function refill(slot: Slot): Promise<void> {
    return change(slot, () => {
      const { lease, waiting } = slot;
      const needed = { money: 0n, tokens: 0n, calls: 0n };
      let least: Amounts = needed;
      for (const need of waiting) {
        for (const unit of budgetUnits) needed[unit] += need[unit];
        if (least === needed || need.money < least.money) least = need;
      }
      // The change before may have brought enough for everyone.
      if (waiting.size > 0 ? covers(lease, needed) : !runsLow(lease)) return undefined;
      return { kind: "grant", want: wantedBy(lease, needed), least: missingOf(lease, least) };
    });
  }

  /** Waits for at most two refills, shared with all who wait; then what is needed is there, or too scarce. */
  async function drawLater(slot: Slot, need: Amounts): Promise<Draw | undefined> {
    const { path } = slot.lease;
    const isDecided = (drawn: Draw | undefined) => drawn || scarcity.isOf(path) || slots.get(path.name) !== slot;
    slot.waiting.add(need);
    try {
      // The change under way may be a return, or for others only.
      let refills = slot.changing ? -1 : 0;
      let drawn: Draw | undefined;
      do {
        await (slot.changing ?? refill(slot));
        drawn = draw(slot.lease, need, clock.monotonicMs());
      } while (!isDecided(drawn) && ++refills < 2);
      return drawn;
    } finally {
      slot.waiting.delete(need);
    }
  }

  /** In the background; the next call that needs it tries again. */
  function changeQuietly(slot: Slot, next: () => Change | undefined): Promise<void> {
    return change(slot, next).catch((err: unknown) => {
      log.warn({ err, tenant_id: slot.lease.path.tenantId }, "billing could not be told of a lease");
    });
  }

  function returnSome(slot: Slot, amountsOf: () => Amounts): Promise<void> {
    return changeQuietly(slot, () => {
      const amounts = amountsOf();
      return isNothing(amounts) ? undefined : { kind: "return", amounts };
    });
  }

  const returnFree = (slot: Slot) => returnSome(slot, () => freeOf(slot.lease));

  async function returnRetired(): Promise<void> {
    await Promise.all([...retired].map(returnFree));
    for (const slot of retired) if (isUnused(slot)) forget(slot);
  }

  async function recall(tenantId: string, budgetId?: string): Promise<void> {
    if (budgetId === undefined) scarcity.noteTenant(tenantId);
    const recalled = [...slots.values()].filter(({ lease: { path, budgetIds } }) => {
      return path.tenantId === tenantId && (budgetId === undefined || budgetIds.includes(budgetId));
    });
    for (const { lease } of recalled) scarcity.notePath(lease.path);
    await Promise.all(recalled.map(returnFree));
  }

  function retire(isOf: (path: LeasePath) => boolean): void {
    for (const [name, slot] of slots) {
      if (!isOf(slot.lease.path)) continue;
      slots.delete(name);
      retired.add(slot);
      void returnFree(slot);
    }
  }

  return {
    draw(path, need) {
      const slot = slotOf(path);
      const drawn = draw(slot.lease, need, clock.monotonicMs());
      if (!drawn) return isClosed || scarcity.isOf(path) ? undefined : drawLater(slot, need);
      if (runsLow(slot.lease) && !slot.changing && !scarcity.isOf(path)) {
        void refill(slot).catch((err: unknown) =>
          log.warn({ err, tenant_id: path.tenantId }, "a lease could not be refilled"),
        );
      }
      return drawn;
    },
    recall,
    async recallAll() {
      const tenantIds = new Set([...slots.values()].map(({ lease }) => lease.path.tenantId));
      await Promise.all([...tenantIds].map((tenantId) => recall(tenantId)));
    },
    renew: (tenantId) => retire((path) => path.tenantId === tenantId),
    renewAll: () => retire(() => true),
    async assess() {
      const nowMs = clock.monotonicMs();
      const periodMs = nowMs - assessedMs;
      assessedMs = nowMs;
      scarcity.sweep();
      const returned = [...slots.values()].map((slot) => {
        const { lease } = slot;
        const amounts = assessLease(lease, periodMs, nowMs);
        if (isUnused(slot)) forget(slot);
        return isNothing(amounts) ? undefined : returnSome(slot, () => atMostFree(amounts, lease));
      });
      await Promise.all([...returned, returnRetired()]);
    },
    async extend() {
      const held = [...slots.values(), ...retired].filter(({ lease }) => lease.changeNumber > 0);
      for (let at = 0; at < held.length; at += maxExtended) {
        const part = held.slice(at, at + maxExtended);
        const askedMs = clock.monotonicMs();
        const leaseIds = part.map(({ lease }) => lease.leaseId);
        const { openLeaseIds, ttlMs } = await billing.extendLeases({ nodeId, leaseIds });
        const open = new Set(openLeaseIds);
        for (const slot of part) {
          if (open.has(slot.lease.leaseId)) keepValid(slot.lease, askedMs, ttlMs);
          else letGo(slot);
        }
      }
    },
    async close() {
      isClosed = true;
      await Promise.all([...slots.values()].map(returnFree));
      await returnRetired();
      for (const slot of slots.values()) if (isUnused(slot)) forget(slot);
    },
    get freeNanos() {
      let sum = 0n;
      for (const { lease } of slots.values()) sum += lease.money.free;
      return sum;
    },
  };
}

/** Billing holds nothing for it, and nobody waits for it to. */
function isUnused({ lease, changing, unanswered, waiting }: Slot): boolean {
  return isEmpty(lease) && !changing && !unanswered && waiting.size === 0;
}

function writeDown(spool: Spool, nodeId: string, leaseId: string): Pick<Slot, "entry" | "written"> {
  const entry = spool.append(toRecord(create(CloseLeasesRequestSchema, { nodeId, leaseIds: [leaseId] })));
  const written = spool.written();
  // Whoever asks for the lease is told.
  written.catch(() => undefined);
  return { entry, written };
}

function amountsOf({ grantedNanos, grantedTokens = 0n, grantedCalls = 0n }: Granted): Amounts {
  return { money: grantedNanos, tokens: grantedTokens, calls: grantedCalls };
}

/** What may have been drawn meanwhile does not go back. */
function atMostFree(amounts: Amounts, lease: NodeLease): Amounts {
  const free = freeOf(lease);
  return eachUnit((unit) => atMost(amounts[unit], free[unit]));
}
