import type { Amounts, BudgetUnit } from "@lyss/contracts/budgets/amounts.ts";
import type { Fact } from "@lyss/services/billing/fact.ts";
import type { LeaseChange, LeaseGrant, LeaseReturn } from "@lyss/services/billing/lease.ts";
import type { ReserveRequest, SettleRequest } from "@lyss/services/billing/ledger-requests.ts";
import type { Rates } from "@lyss/services/billing/model.ts";
import type { RaiseRequest } from "@lyss/services/billing/raise-hold.ts";
import { type Cap, createReferenceBudgets } from "./reference-budgets.ts";
import { boundOf, costOf, least, most, spentBy } from "./reference-costs.ts";

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
  readonly keyId: string;
  /** In each unit, the money included. */
  most: Amounts;
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
  /** What was told of the last change. */
  answer: string;
  /** By the names of the budgets. */
  readonly shares: Map<string, bigint>;
  expiresMs: number;
}

interface Use {
  readonly tenantId: string;
  readonly keyId: string;
  readonly rates: Rates;
  readonly outcome: string;
  /** Of budgets. */
  readonly spent: Amounts;
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
  const caps: Cap[] = [];
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

  const budgets = createReferenceBudgets({
    uses: () => uses.values(),
    holds: () => holds.values(),
    leases: () => leases.values(),
  });

  /** Takes a cost from money set aside for it, which is gone then, and from what is available. */
  function pay(tenantId: string, asideNanos: bigint, costNanos: bigint, mostNanos = costNanos) {
    const paidNanos = least(least(costNanos, available(tenantId) + asideNanos), mostNanos);
    return { paidNanos, uncollectedNanos: costNanos - paidNanos };
  }

  /** What a call with a hold may be charged as its budgets go: what it holds and what is left of each. */
  function payable(call: Hold | undefined): bigint | undefined {
    if (!call) return undefined;
    const left = budgets
      .pathOf(call)
      .filter(({ unit }) => unit === "money")
      .map((cap) => call.most.money + budgets.available(cap));
    return left.length === 0 ? undefined : left.reduce(least);
  }

  /** The most output that a call may have: all levels must be able to pay for it. The code of the refusal when that is too little. */
  function admit(
    request: ReserveRequest | (RaiseRequest & { readonly keyId: string }),
    price: Rates,
    comfortable: bigint,
  ) {
    const { tenantId, inputTokens, minOutputTokens: lowest, choices } = request;
    const path = budgets.pathOf(request);
    const counted = path.filter(({ unit }) => unit !== "money");
    const within = (cap: Cap, amount: bigint) => {
      if (cap.unit === "calls") return amount >= 1n ? request.maxOutputTokens : -1n;
      return amount < inputTokens ? -1n : least(request.maxOutputTokens, (amount - inputTokens) / choices);
    };
    const isShort = counted.some((cap) => {
      const [now, ever] = [within(cap, budgets.available(cap)), within(cap, budgets.unused(cap))];
      return ever < lowest || now < lowest || (now < comfortable && now < ever);
    });
    if (isShort) return "billing.quota_exceeded";
    const most = counted.map((cap) => within(cap, budgets.available(cap))).reduce(least, request.maxOutputTokens);

    const inMoney = path.filter(({ unit }) => unit === "money");
    const levels = [
      { code: "billing.insufficient_balance", now: available(tenantId), ever: balance(tenantId) },
      ...inMoney.map((cap) => ({
        code: "billing.budget_exceeded",
        now: budgets.available(cap),
        ever: budgets.unused(cap),
      })),
    ];
    const [now, ever] = [
      levels.map((level) => level.now).reduce(least),
      levels.map((level) => level.ever).reduce(least),
    ];
    const bound = (outputTokens: bigint) => boundOf(price, inputTokens, outputTokens * choices);
    const longest = (nanos: bigint) => {
      let tokens = most;
      while (tokens >= 0n && bound(tokens) > nanos) tokens--;
      return tokens;
    };
    const tokens = longest(now);
    const isEnough = tokens >= lowest && (tokens >= comfortable || now === ever);
    if (tokens === most || isEnough) {
      const all = { money: bound(tokens), tokens: inputTokens + tokens * choices, calls: 1n };
      return { amountNanos: bound(tokens), outputTokens: tokens, most: all };
    }
    const isEver = longest(ever) >= lowest;
    return levels.find((level) => (isEver ? level.now === now : level.ever === ever))?.code ?? "";
  }

  function giveBack(lease: Lease, { amounts }: LeaseReturn): string {
    const nanos = least(amounts.money, lease.amountNanos);
    lease.amountNanos -= nanos;
    for (const cap of caps) {
      const share = lease.shares.get(cap.name);
      if (share !== undefined) lease.shares.set(cap.name, share - least(share, amounts[cap.unit]));
    }
    return `${-nanos}`;
  }

  /** Of each unit an eighth of the narrowest level, if that is of use in all of them. */
  function grant(lease: Lease, { tenantId, keyId, want, least: lowest }: LeaseGrant, isNew: boolean): string {
    const path = budgets.pathOf({ tenantId, keyId });
    const levels = [
      { unit: "money" as const, now: available(tenantId) },
      ...path.map((cap) => ({ unit: cap.unit, now: budgets.available(cap) })),
    ];
    const granted = { money: 0n, tokens: 0n, calls: 0n };
    const isKnown = isNew || path.every(({ name }) => lease.shares.has(name));
    const isOfUse = levels.every(({ unit }) => {
      const eighth =
        levels
          .filter((level) => level.unit === unit)
          .map((level) => level.now)
          .reduce(least) / 8n;
      granted[unit] = least(eighth, want[unit]);
      return eighth > 0n && eighth >= lowest[unit];
    });
    if (!isKnown || !isOfUse) Object.assign(granted, { money: 0n, tokens: 0n, calls: 0n });
    lease.amountNanos += granted.money;
    if (granted.money + granted.tokens + granted.calls > 0n) {
      for (const { name, unit } of path) lease.shares.set(name, (lease.shares.get(name) ?? 0n) + granted[unit]);
    }
    const units = new Set(caps.filter(({ name }) => lease.shares.has(name)).map(({ unit }) => unit));
    const told = (unit: "tokens" | "calls") => (units.has(unit) ? `${granted[unit]}` : "-");
    return `${granted.money} ${told("tokens")} ${told("calls")}`;
  }

  return {
    addCap(cap: Cap) {
      caps.push(cap);
      budgets.add(cap);
    },
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
      const { callId, tenantId, keyId, model } = request;
      const known = holds.get(callId);
      if (known) return `${known.amountNanos} for ${known.outputTokens}`;
      if (uses.has(`${callId}/1`)) return "billing.hold_not_found";
      const price = rates.get(`${tenantId}/${model}`) ?? rates.get(`/${model}`);
      if (!price) return "billing.price_missing";
      const admitted = admit(request, price, most(terms.comfortableOutputTokens, request.minOutputTokens));
      if (typeof admitted === "string") return admitted;
      holds.set(callId, { tenantId, keyId, rates: price, ...admitted, expiresMs: nowMs + terms.holdTtlMs });
      return `${admitted.amountNanos} for ${admitted.outputTokens}`;
    },
    /** More for a call under way: whatever there is, if it is of use. */
    raise(request: RaiseRequest) {
      const { callId, tenantId, minOutputTokens } = request;
      const hold = holds.get(callId);
      if (hold?.tenantId !== tenantId) return "billing.hold_not_found";
      if (hold.outputTokens < minOutputTokens) {
        // As if it held nothing.
        holds.delete(callId);
        const admitted = admit({ ...request, keyId: hold.keyId }, hold.rates, minOutputTokens);
        holds.set(callId, hold);
        if (typeof admitted === "string") return admitted;
        Object.assign(hold, admitted);
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
      const paid = pay(tenantId, hold?.amountNanos ?? 0n, costNanos, payable(hold));
      holds.delete(callId);
      const { keyId } = call;
      uses.set(name, { tenantId, keyId, rates: call.rates, outcome, spent: spentBy(outcome, tokens, paid), ...paid });
      return `${paid.paidNanos} of ${costNanos}`;
    },
    extendHolds(callIds: readonly string[]) {
      const open = callIds.flatMap((callId) => holds.get(callId) ?? []);
      for (const hold of open) hold.expiresMs = nowMs + terms.holdTtlMs;
      return `${open.length}`;
    },
    expireHolds(): undefined {
      for (const [callId, { tenantId, keyId, rates: price, expiresMs }] of holds) {
        if (expiresMs >= nowMs) continue;
        holds.delete(callId);
        const none = { paidNanos: 0n, uncollectedNanos: 0n, spent: { money: 0n, tokens: 0n, calls: 0n } };
        uses.set(`${callId}/1`, { tenantId, keyId, rates: price, outcome: "lost", ...none });
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
        return known.answer;
      }
      const lease = known ?? {
        tenantId,
        nodeId,
        amountNanos: 0n,
        changeNumber: 0,
        answer: "",
        shares: new Map(),
        expiresMs: 0,
      };
      const answer = change.kind === "return" ? giveBack(lease, change) : grant(lease, change, known === undefined);
      leases.set(leaseId, Object.assign(lease, { changeNumber, answer, expiresMs: nowMs + terms.leaseTtlMs }));
      return answer;
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
        const { tenantId, keyId, outcome } = fact;
        const spent = spentBy(outcome, fact, paid);
        for (const cap of budgets.pathOf(fact)) {
          const share = lease?.shares.get(cap.name);
          if (share !== undefined) lease?.shares.set(cap.name, share - least(share, spent[cap.unit]));
        }
        uses.set(name, { tenantId, keyId, rates: price, outcome, spent, ...paid });
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
    /** Of what a lease holds a share, the narrowest in a unit; undefined where no budget counts it. */
    shareOf(leaseId: string, unit: BudgetUnit): bigint | undefined {
      const shares = caps.flatMap((cap) =>
        cap.unit === unit ? (leases.get(leaseId)?.shares.get(cap.name) ?? []) : [],
      );
      return shares.length === 0 ? undefined : shares.reduce(least);
    },
    useOf: (callId: string): Use | undefined => uses.get(`${callId}/1`),
    state(tenantIds: readonly string[]): State {
      const state: Record<string, string> = budgets.state();
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
