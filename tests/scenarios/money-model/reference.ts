import type { ReserveRequest, SettleRequest } from "@lyss/services/billing/batch.ts";
import type { Fact } from "@lyss/services/billing/fact.ts";
import type { LeaseChange } from "@lyss/services/billing/lease.ts";
import type { Rates, Tokens } from "@lyss/services/billing/model.ts";
import type { RaiseRequest } from "@lyss/services/billing/raise-hold.ts";

/** Times and marks that the system runs with. */
export interface Terms {
  readonly holdTtlMs: number;
  readonly leaseTtlMs: number;
  readonly comfortableOutputTokens: bigint;
}

/**
 * Times that no operation's moment comes near: the clock moves by whole steps, and a real database's time goes on by itself
 * for the seconds that a run takes.
 */
export const stepMs = 600_000;
export const terms: Terms = { holdTtlMs: 1_500_000, leaseTtlMs: 1_620_000, comfortableOutputTokens: 20n };

/** Everything that money is in at a moment, as text, so that two states compare as they are. */
export type State = Readonly<Record<string, string>>;

interface Hold {
  readonly tenantId: string;
  amountNanos: bigint;
  outputTokens: bigint;
  readonly rates: Rates;
  expiresMs: number;
}

interface Lease {
  readonly tenantId: string;
  readonly nodeId: string;
  amountNanos: bigint;
  changeNumber: number;
  changeNanos: bigint;
  expiresMs: number;
}

interface Use {
  readonly tenantId: string;
  readonly rates: Rates;
  readonly outcome: string;
  readonly paidNanos: bigint;
  readonly uncollectedNanos: bigint;
}

/**
 * What the money system has to do, written for being obviously right and nothing else: no balance is kept, each is added up
 * from what was paid in, what was paid for, and what is set aside. Every operation happens whole, and gives the answer
 * that the system must give: a text, an amount, or the code of a failure.
 */
export function createReference() {
  const deposits = new Map<string, { readonly tenantId: string; readonly amountNanos: bigint }>();
  /** By the names under which they were set, and those that hold. */
  const limitsByName = new Map<string, bigint>();
  const limits = new Map<string, bigint>();
  const rates = new Map<string, Rates>();
  const holds = new Map<string, Hold>();
  const leases = new Map<string, Lease>();
  const uses = new Map<string, Use>();
  /** Of every version there ever was. */
  const ratesById = new Map<string, Rates>();
  let nowMs = 0;

  const sum = (amounts: Iterable<bigint>) => [...amounts].reduce((total, amount) => total + amount, 0n);
  const of = <T extends { readonly tenantId: string }>(things: ReadonlyMap<string, T>, tenantId: string) =>
    [...things.values()].filter((thing) => thing.tenantId === tenantId);
  /** With what is lent. */
  const balance = (tenantId: string) =>
    (limits.get(tenantId) ?? 0n) +
    sum(of(deposits, tenantId).map((deposit) => deposit.amountNanos)) -
    sum(of(uses, tenantId).map((use) => use.paidNanos));
  const held = (tenantId: string) =>
    sum([...of(holds, tenantId), ...of(leases, tenantId)].map((aside) => aside.amountNanos));
  const available = (tenantId: string) => balance(tenantId) - held(tenantId);

  /** Takes a cost from money set aside for it, which is gone then, and from what is available. */
  function pay(tenantId: string, asideNanos: bigint, costNanos: bigint) {
    const paidNanos = least(costNanos, available(tenantId) + asideNanos);
    return { paidNanos, uncollectedNanos: costNanos - paidNanos };
  }

  return {
    advance(durationMs: number) {
      nowMs += durationMs;
    },
    knowRates(priceId: string, known: Rates) {
      ratesById.set(priceId, known);
    },
    setRates(tenantId: string, model: string, changed: Rates) {
      rates.set(`${tenantId}/${model}`, changed);
    },
    topUp(tenantId: string, reference: string, amountNanos: bigint) {
      const known = deposits.get(`${tenantId}/${reference}`);
      if (known && known.amountNanos !== amountNanos) return "billing.reference_reused";
      deposits.set(`${tenantId}/${reference}`, { tenantId, amountNanos });
      return `${known === undefined}`;
    },
    setLimit(tenantId: string, reference: string, limitNanos: bigint) {
      const name = `${tenantId}/${reference}`;
      const known = limitsByName.get(name);
      if (known !== undefined) return known === limitNanos ? `${limitNanos}` : "billing.reference_reused";
      const lessNanos = (limits.get(tenantId) ?? 0n) - limitNanos;
      if (lessNanos > available(tenantId)) return "billing.amount_unavailable";
      limitsByName.set(name, limitNanos);
      limits.set(tenantId, limitNanos);
      return `${limitNanos}`;
    },
    reserve(request: ReserveRequest) {
      const { callId, tenantId, model, inputTokens, maxOutputTokens: most, minOutputTokens: least, choices } = request;
      const known = holds.get(callId);
      if (known) return `${known.amountNanos} for ${known.outputTokens}`;
      if (uses.has(`${callId}/1`)) return "billing.hold_not_found";
      const price = rates.get(`${tenantId}/${model}`) ?? rates.get(`/${model}`);
      if (!price) return "billing.price_missing";
      const bound = (outputTokens: bigint) => boundOf(price, inputTokens, outputTokens * choices);
      const longest = (nanos: bigint) => {
        let tokens = most;
        while (tokens >= 0n && bound(tokens) > nanos) tokens--;
        return tokens;
      };
      const now = longest(available(tenantId));
      const isShortened = now < most;
      const isLongEnough = now >= least;
      const isComfortable = now >= terms.comfortableOutputTokens || held(tenantId) === 0n;
      if (isShortened && !(isLongEnough && isComfortable)) return "billing.insufficient_balance";
      const hold = { tenantId, amountNanos: bound(now), outputTokens: now, rates: price };
      holds.set(callId, { ...hold, expiresMs: nowMs + terms.holdTtlMs });
      return `${hold.amountNanos} for ${hold.outputTokens}`;
    },
    /** More for a call under way: whatever there is, if it is of use. */
    raise(request: RaiseRequest) {
      const { callId, tenantId, inputTokens, maxOutputTokens: most, minOutputTokens: least, choices } = request;
      const hold = holds.get(callId);
      if (hold?.tenantId !== tenantId) return "billing.hold_not_found";
      if (hold.outputTokens < least) {
        const bound = (outputTokens: bigint) => boundOf(hold.rates, inputTokens, outputTokens * choices);
        let tokens = most;
        while (tokens >= least && bound(tokens) > available(tenantId) + hold.amountNanos) tokens--;
        if (tokens < least) return "billing.insufficient_balance";
        hold.amountNanos = bound(tokens);
        hold.outputTokens = tokens;
      }
      return `${hold.amountNanos} for ${hold.outputTokens}`;
    },
    settle({ callId, tenantId, outcome, ...tokens }: SettleRequest) {
      const name = `${callId}/1`;
      const hold = holds.get(callId);
      const known = uses.get(name);
      if (!hold && known && known.outcome !== "lost")
        return `${known.paidNanos} of ${known.paidNanos + known.uncollectedNanos}`;
      const call = hold ?? known;
      if (call?.tenantId !== tenantId) return "billing.hold_not_found";
      const costNanos = costOf(call.rates, tokens);
      const paid = pay(tenantId, hold?.amountNanos ?? 0n, costNanos);
      holds.delete(callId);
      uses.set(name, { tenantId, rates: call.rates, outcome, ...paid });
      return `${paid.paidNanos} of ${costNanos}`;
    },
    extendHolds(callIds: readonly string[]) {
      const open = callIds.flatMap((callId) => holds.get(callId) ?? []);
      for (const hold of open) hold.expiresMs = nowMs + terms.holdTtlMs;
      return `${open.length}`;
    },
    expireHolds(): undefined {
      for (const [callId, { tenantId, rates: price, expiresMs }] of holds) {
        if (expiresMs >= nowMs) continue;
        holds.delete(callId);
        uses.set(`${callId}/1`, { tenantId, rates: price, outcome: "lost", paidNanos: 0n, uncollectedNanos: 0n });
      }
    },
    changeLease(change: LeaseChange) {
      const { leaseId, nodeId, tenantId, changeNumber } = change;
      const known = leases.get(leaseId);
      if (!known && changeNumber !== 1) return "billing.lease_not_found";
      if (known && known.nodeId !== nodeId) return "billing.lease_not_found";
      if (known && changeNumber < known.changeNumber) return "billing.lease_not_found";
      if (known && changeNumber === known.changeNumber) {
        known.expiresMs = nowMs + terms.leaseTtlMs;
        return `${known.changeNanos}`;
      }
      const eighth = available(tenantId) / 8n;
      const changeNanos =
        change.kind === "return"
          ? -least(change.amounts.money, known?.amountNanos ?? 0n)
          : eighth > 0n && eighth >= change.least.money
            ? least(eighth, change.want.money)
            : 0n;
      const amountNanos = (known?.amountNanos ?? 0n) + changeNanos;
      const expiresMs = nowMs + terms.leaseTtlMs;
      leases.set(leaseId, { tenantId, nodeId, amountNanos, changeNumber, changeNanos, expiresMs });
      return `${changeNanos}`;
    },
    extendLeases(nodeId: string, leaseIds: readonly string[]) {
      const open = leaseIds.filter((leaseId) => leases.get(leaseId)?.nodeId === nodeId);
      for (const leaseId of open) {
        const lease = leases.get(leaseId);
        if (lease) lease.expiresMs = nowMs + terms.leaseTtlMs;
      }
      return open.toSorted().join(" ");
    },
    expireLeases(): undefined {
      for (const [leaseId, { expiresMs }] of leases) {
        if (expiresMs + terms.leaseTtlMs < nowMs) leases.delete(leaseId);
      }
    },
    /** Of a dead node, by whoever has posted what it left. */
    closeLeases(nodeId: string, leaseIds: readonly string[]) {
      const open = leaseIds.filter((leaseId) => leases.get(leaseId)?.nodeId === nodeId);
      const freedNanos = sum(open.map((leaseId) => leases.get(leaseId)?.amountNanos ?? 0n));
      for (const leaseId of open) leases.delete(leaseId);
      return `${freedNanos} freed`;
    },
    /** In the order of their names, each once for ever. */
    postFacts(facts: readonly Fact[]) {
      const byName = new Map(facts.map((fact) => [`${fact.callId}/${fact.attempt}`, fact]));
      let uncollectedNanos = 0n;
      let posted = 0;
      for (const name of [...byName.keys()].sort()) {
        const fact = byName.get(name);
        const price = fact && ratesById.get(fact.priceId);
        if (!fact || !price || uses.has(name)) continue;
        const lease = leases.get(fact.leaseId);
        const costNanos = costOf(price, fact);
        const paid = pay(fact.tenantId, lease?.amountNanos ?? 0n, costNanos);
        if (lease) lease.amountNanos -= least(lease.amountNanos, paid.paidNanos);
        uses.set(name, { tenantId: fact.tenantId, rates: price, outcome: fact.outcome, ...paid });
        uncollectedNanos += paid.uncollectedNanos;
        posted++;
      }
      return `${uncollectedNanos} uncollected, ${facts.length - posted} repeated`;
    },
    /** Facts of calls with a hold of their own; a lost one ends by itself. Gives what is uncollected of each that is known. */
    postHeld(facts: readonly Fact[]) {
      let uncollectedNanos = 0n;
      for (const fact of facts) {
        if (fact.outcome === "lost") continue;
        this.settle(fact);
        uncollectedNanos += uses.get(`${fact.callId}/1`)?.uncollectedNanos ?? 0n;
      }
      return `${uncollectedNanos} uncollected, 0 repeated`;
    },
    leaseNanos: (leaseId: string) => leases.get(leaseId)?.amountNanos,
    useOf: (callId: string): Use | undefined => uses.get(`${callId}/1`),
    state(tenantIds: readonly string[]): State {
      const state: Record<string, string> = {};
      for (const tenantId of tenantIds) {
        state[tenantId] = `${balance(tenantId)} of which held ${held(tenantId)}`;
        state[`${tenantId} journal`] = `${balance(tenantId)}`;
      }
      for (const [callId, hold] of holds) state[`hold ${callId}`] = `${hold.amountNanos}`;
      for (const [leaseId, lease] of leases)
        state[`lease ${leaseId}`] = `${lease.amountNanos} after ${lease.changeNumber}`;
      for (const [name, use] of uses) state[`use ${name}`] = `${use.outcome} ${use.paidNanos} ${use.uncollectedNanos}`;
      return state;
    },
  };
}

export type Reference = ReturnType<typeof createReference>;

const perMillion = 1_000_000n;

/** Rounded up once. */
function costOf(rates: Rates, tokens: Tokens): bigint {
  const { inputNanosPerMillion, cachedInputNanosPerMillion, outputNanosPerMillion } = rates;
  const exact =
    tokens.inputTokens * inputNanosPerMillion +
    tokens.cachedInputTokens * cachedInputNanosPerMillion +
    tokens.outputTokens * outputNanosPerMillion;
  return (exact + perMillion - 1n) / perMillion;
}

/** Of a call whose input is all of the dearer kind. */
function boundOf(rates: Rates, inputTokens: bigint, outputTokens: bigint): bigint {
  const all = { inputTokens, cachedInputTokens: 0n, outputTokens };
  const cached = { inputTokens: 0n, cachedInputTokens: inputTokens, outputTokens };
  return -least(-costOf(rates, all), -costOf(rates, cached));
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
