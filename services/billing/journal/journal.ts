import { atLeast } from "@lyss/contracts/pricing/at-most.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Wallet } from "../model.ts";
import { accounts, walletIdOf } from "./accounts.ts";
import { type ChainedPosting, type ChainHead, chainOf, type LockedWallet, link, platformChain } from "./chain.ts";
import type { JournalStore } from "./journal-store.ts";
import { checkPosting, type Posting, spendingKinds } from "./posting.ts";

/** Wallets that a transaction has decided on, and why their money moved. */
export interface JournalWrite {
  /** As they were locked. Holds every wallet that a posting names. */
  readonly before: readonly LockedWallet[];
  /** As they are to be; those that did not change may be left out. */
  readonly after: readonly Wallet[];
  readonly postings: readonly Posting[];
}

/** The one way to write postings and wallets. */
export interface Journal {
  /**
   * The wallets of these tenants under their row locks. Always in one order, so that transactions never wait for each other
   * in a circle; a tenant without a wallet is left out.
   */
  lockWallets(tx: Tx, tenantIds: readonly string[], currency: string): Promise<LockedWallet[]>;
  /** What was posted for this cause, or undefined. */
  findPosting(tx: Tx, cause: Pick<Posting, "kind" | "reference">): Promise<Posting | undefined>;
  /**
   * Appends postings, each to its chain, and writes the wallets. Throws an Error, and nothing may be committed, when a
   * posting is not in balance or a wallet's balance moved by anything else than its entries.
   */
  write(tx: Tx, write: JournalWrite): Promise<void>;
  /** Appends postings and moves the balances of the locked wallets as they say. Resolves with the wallets as they are then. */
  post(tx: Tx, locked: readonly LockedWallet[], postings: readonly Posting[]): Promise<LockedWallet[]>;
}

/** Hears in the transaction that a balance moves, by anything but a change of what is lent, and to where. */
export type OnMoved = (tx: Tx, before: LockedWallet, balanceNanos: bigint) => Promise<void>;

/** The journal on its tables. */
export function createJournal(store: JournalStore, onMoved: OnMoved = async () => undefined): Journal {
  async function write(tx: Tx, { before, after, postings }: JournalWrite): Promise<void> {
    checkBalances(before, after, postings);
    const platform = postings.some((posting) => chainOf(posting) === platformChain)
      ? await store.lockPlatformChain(tx)
      : undefined;
    const heads = new Map<string, ChainHead>(before.map((wallet) => [wallet.walletId, wallet]));
    if (platform) heads.set(platformChain, platform);
    const stampUs = before[0]?.lockedAtUs ?? platform?.lockedAtUs ?? 0n;
    const chained = appendTo(heads, postings, stampUs);

    const changed = new Map(after.map((wallet) => [wallet.walletId, wallet]));
    const spending = sumsOf(postings.filter(({ kind }) => spendingKinds.has(kind)));
    const wallets = before.flatMap((locked) => {
      const wallet = changed.get(locked.walletId) ?? locked;
      const { journalSequence, journalHash } = heads.get(locked.walletId) ?? locked;
      const isSame = wallet === locked && journalSequence === locked.journalSequence;
      const paidNanos = -(spending.get(accounts.wallet(locked.walletId)) ?? 0n);
      const spendingNanos = atLeast(paidNanos, 0n);
      return isSame ? [] : [{ ...wallet, spendingNanos, journalSequence, journalHash }];
    });
    const lent = sumsOf(postings.filter(({ kind }) => kind === "credit_limit"));
    const moved = before.flatMap((locked) => {
      const wallet = changed.get(locked.walletId) ?? locked;
      const balanceNanos = wallet.balanceNanos - (lent.get(accounts.wallet(locked.walletId)) ?? 0n);
      return balanceNanos === locked.balanceNanos ? [] : [onMoved(tx, locked, balanceNanos)];
    });
    // Sent together, executed in order.
    await Promise.all([
      ...moved,
      wallets.length > 0 && store.updateWallets(tx, wallets),
      chained.length > 0 && store.insertPostings(tx, chained),
      platform && store.updatePlatformChain(tx, heads.get(platformChain) ?? platform),
    ]);
  }

  return {
    lockWallets: store.lockWallets,
    findPosting: store.findPosting,
    write,
    async post(tx, locked, postings) {
      const sums = sumsOf(postings);
      const after = locked.map((wallet) => {
        const sumNanos = sums.get(accounts.wallet(wallet.walletId)) ?? 0n;
        return sumNanos === 0n ? wallet : { ...wallet, balanceNanos: wallet.balanceNanos + sumNanos };
      });
      await write(tx, { before: locked, after, postings });
      return after;
    },
  };
}

/** Links each posting to its chain; the heads move with them. */
function appendTo(heads: Map<string, ChainHead>, postings: readonly Posting[], stampUs: bigint): ChainedPosting[] {
  return postings.map((posting) => {
    checkPosting(posting);
    const chain = chainOf(posting);
    const head = heads.get(chain);
    if (!head) throw new Error(`posting ${posting.postingId} moves money of wallet ${chain}, which is not locked`);
    const chained = link(posting, chain, head, stampUs);
    heads.set(chain, { journalSequence: chained.sequence, journalHash: chained.hash });
    return chained;
  });
}

function checkBalances(before: readonly LockedWallet[], after: readonly Wallet[], postings: readonly Posting[]): void {
  const sums = sumsOf(postings);
  const changed = new Map(after.map((wallet) => [wallet.walletId, wallet]));
  for (const { walletId, balanceNanos } of before) {
    const moved = (changed.get(walletId)?.balanceNanos ?? balanceNanos) - balanceNanos;
    const posted = sums.get(accounts.wallet(walletId)) ?? 0n;
    if (moved !== posted) {
      throw new Error(`the balance of wallet ${walletId} moved by ${moved} nanos, its postings by ${posted}`);
    }
    sums.delete(accounts.wallet(walletId));
  }
  for (const [account] of sums) {
    if (walletIdOf(account) !== undefined) throw new Error(`a posting names ${account}, which is not locked`);
  }
}

function sumsOf(postings: readonly Posting[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { entries } of postings) {
    for (const { account, amountNanos } of entries) sums.set(account, (sums.get(account) ?? 0n) + amountNanos);
  }
  return sums;
}
