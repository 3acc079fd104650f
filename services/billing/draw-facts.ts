import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { callTerms, costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Fact, PostedFact } from "./fact.ts";
import { accounts } from "./journal/accounts.ts";
import { move, type Posting } from "./journal/posting.ts";
import type { Lease } from "./lease.ts";
import { atMost, collectableNanos, type Wallet } from "./model.ts";
import type { Price } from "./prices/price.ts";

/**
 * Facts with what each costs, as rows of usage of the wallets that pay for them, and one posting's id for each wallet.
 * Whether the money is there is not looked at yet. Throws `price_unknown` and `wallet_not_found`.
 */
export function priceFacts(
  facts: readonly Fact[],
  known: {
    readonly prices: ReadonlyMap<string, Pick<Price, "terms">>;
    readonly wallets: readonly Pick<Wallet, "walletId" | "tenantId">[];
    readonly random: Random;
  },
): readonly PostedFact[] {
  const payers = new Map(
    known.wallets.map(({ tenantId, walletId }) => [tenantId, { walletId, postingId: known.random.id("pst") }]),
  );
  return facts.map((fact) => {
    const price = known.prices.get(fact.priceId);
    if (!price) throw new Failure(billingFailures.price_unknown, { priceId: fact.priceId });
    const payer = payers.get(fact.tenantId);
    if (!payer) throw new Failure(billingFailures.wallet_not_found);
    const when = callTerms(fact.startedAtMs, fact.serviceMode);
    return { ...fact, ...payer, ...costOf(price.terms, toQuantities(fact), when), uncollectedNanos: 0n };
  });
}

/** What priced facts do to the money. */
export interface Drawn {
  /** The facts as they were paid, in their order. */
  readonly posted: readonly PostedFact[];
  /** Those of them for which the money did not suffice. */
  readonly short: readonly PostedFact[];
  readonly uncollectedNanos: bigint;
  /** Those that changed. */
  readonly wallets: readonly Wallet[];
  readonly leases: readonly Lease[];
  /** One for each wallet that paid something. */
  readonly postings: readonly Posting[];
}

/**
 * Takes what facts cost from their leases, beyond that from what their wallets have available, and leaves the rest
 * uncollected. A lease that is no more, or another wallet's, is one in which nothing is left.
 */
export function drawFacts(
  priced: readonly PostedFact[],
  money: { readonly wallets: readonly Wallet[]; readonly leases: readonly Lease[] },
): Drawn {
  const wallets = new Map(money.wallets.map((wallet) => [wallet.walletId, wallet]));
  const leases = new Map(money.leases.map((lease) => [lease.leaseId, lease]));
  const charges = new Map<string, Charge>();
  const short: PostedFact[] = [];
  let uncollectedNanos = 0n;
  const posted = priced.map((fact) => {
    const wallet = wallets.get(fact.walletId);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const paidNanos = draw(wallets, leases, wallet, fact.leaseId, fact.costNanos);
    const charge = charges.get(wallet.walletId) ?? {
      wallet,
      postingId: fact.postingId,
      paidNanos: 0n,
      roundingTrillionths: 0n,
    };
    charge.paidNanos += paidNanos;
    charges.set(wallet.walletId, charge);
    if (paidNanos === fact.costNanos) {
      charge.roundingTrillionths += fact.roundingTrillionths;
      return fact;
    }
    const paid = { ...fact, costNanos: paidNanos, uncollectedNanos: fact.costNanos - paidNanos };
    uncollectedNanos += paid.uncollectedNanos;
    short.push(paid);
    return paid;
  });
  return {
    ...{ posted, short, uncollectedNanos },
    wallets: changedOf(wallets, money.wallets),
    leases: changedOf(leases, money.leases),
    postings: [...charges.values()].filter((charge) => charge.paidNanos > 0n).map(toPosting),
  };
}

/** Takes a cost from the lease, then from what the wallet has available. Gives what could be taken. */
function draw(
  wallets: Map<string, Wallet>,
  leases: Map<string, Lease>,
  wallet: Wallet,
  leaseId: string,
  cost: bigint,
): bigint {
  const named = leases.get(leaseId);
  const lease = named?.walletId === wallet.walletId ? named : undefined;
  const leasedNanos = lease?.amountNanos ?? 0n;
  const paidNanos = collectableNanos(wallet, leasedNanos, cost);
  if (paidNanos === 0n) return 0n;
  const fromLease = atMost(paidNanos, leasedNanos);
  if (lease && fromLease > 0n) leases.set(leaseId, { ...lease, amountNanos: leasedNanos - fromLease });
  const balanceNanos = wallet.balanceNanos - paidNanos;
  wallets.set(wallet.walletId, { ...wallet, balanceNanos, heldNanos: wallet.heldNanos - fromLease });
  return paidNanos;
}

/** What the facts of a wallet come to. */
interface Charge {
  readonly wallet: Wallet;
  readonly postingId: string;
  paidNanos: bigint;
  roundingTrillionths: bigint;
}

const trillion = 1_000_000_000_000n;

/** Whole nanos that rounding added go to an account of their own: what is revenue is exact but for less than one nano. */
function toPosting({ wallet: { walletId, currency }, postingId, paidNanos, roundingTrillionths }: Charge): Posting {
  const roundingNanos = roundingTrillionths / trillion;
  const moved = move(accounts.wallet(walletId), accounts.revenue, paidNanos);
  const entries =
    roundingNanos === 0n
      ? moved
      : [
          { account: accounts.wallet(walletId), amountNanos: -paidNanos },
          // Each call is rounded up by less than a nano, and costs one at least: something is left.
          { account: accounts.revenue, amountNanos: paidNanos - roundingNanos },
          { account: accounts.rounding, amountNanos: roundingNanos },
        ];
  return { postingId, kind: "usage", reference: postingId, currency, entries };
}

function changedOf<T>(now: ReadonlyMap<string, T>, before: readonly T[]): readonly T[] {
  const known = new Set(before);
  return [...now.values()].filter((one) => !known.has(one));
}
