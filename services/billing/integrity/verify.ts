import { hash } from "node:crypto";
import { callTerms } from "@lyss/contracts/pricing/price.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { type ChainHead, hashOf, platformChain } from "../journal/chain.ts";
import { costNanos } from "../model.ts";
import type { Price } from "../prices/price.ts";
import type { PriceVersions } from "../prices/price-versions.ts";
import type { Finding, FindingCheck, IntegrityReport } from "./finding.ts";
import type { CheckedUsage, CheckedWallet, IntegrityStore, StoredPosting } from "./integrity-store.ts";

export interface VerifyDeps {
  readonly db: Database;
  readonly integrity: IntegrityStore;
  readonly priceVersions: PriceVersions;
}

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each page of wallets. What it throws ends the run. */
  readonly onProgress?: (report: IntegrityReport) => Promise<void>;
}

const walletsPerPage = 200;
const maxStoredFindings = 1_000;

/**
 * Looks at every wallet, posting, entry, recorded call and budget, and writes nothing. Each page of wallets is seen at one moment of the
 * database, so that calls go on meanwhile and nothing is found that is only under way. Memory is bounded by a page of wallets and
 * the first 1,000 findings, however large the journal is. Rejects with the signal's reason when it aborts.
 */
export async function verifyMoney(deps: VerifyDeps, options: VerifyOptions = {}): Promise<IntegrityReport> {
  const findings = createFindings();
  const counts = { wallets: 0n, postings: 0n, usageRows: 0n };
  let digest = "";
  const report = (): IntegrityReport => ({ ...counts, ...findings.read(), digest });
  const snapshot = <Result>(work: (tx: Tx) => Promise<Result>) =>
    deps.db.transaction(async (tx) => {
      await deps.integrity.beginSnapshot(tx);
      await deps.integrity.liftStatementTimeout(tx);
      return work(tx);
    });

  const noteHead = (chain: string, { journalSequence, journalHash }: ChainHead) => {
    digest = hash("sha256", `${digest} ${chain} ${journalSequence} ${journalHash}`, "hex");
  };
  let afterWalletId: string | undefined = "";
  while (afterWalletId !== undefined) {
    options.signal?.throwIfAborted();
    const after = afterWalletId;
    afterWalletId = await snapshot(async (tx) => {
      const wallets = await deps.integrity.listWallets(tx, after, walletsPerPage);
      counts.wallets += BigInt(wallets.length);
      for (const wallet of wallets) checkWallet(wallet, findings.add);
      const heads = new Map<string, ChainHead>(wallets.map((wallet) => [wallet.walletId, wallet]));
      counts.postings += await checkChains(tx, deps.integrity, heads, findings.add);
      counts.usageRows += await checkUsage(tx, deps, wallets, findings.add);
      await checkBudgets(tx, deps.integrity, wallets, findings.add);
      for (const [chain, head] of heads) noteHead(chain, head);
      return wallets.length === walletsPerPage ? wallets.at(-1)?.walletId : undefined;
    });
    await options.onProgress?.(report());
  }
  await snapshot(async (tx) => {
    const head = await deps.integrity.findPlatformHead(tx);
    counts.postings += await checkChains(tx, deps.integrity, new Map([[platformChain, head]]), findings.add);
    noteHead(platformChain, head);
    for (const { kind, postingId, place } of await deps.integrity.listStrays(tx, maxStoredFindings)) {
      if (kind === "posting") findings.add("posting.chain", { postingId, walletId: place }, `no wallet ${place}`);
      else findings.add("entry.posting", { postingId }, `an entry on ${place} belongs to no posting`);
    }
  });
  return report();
}

type Ids = Partial<Pick<Finding, "walletId" | "postingId" | "callId">>;
type AddFinding = (check: FindingCheck, ids: Ids, detail: string) => void;

function createFindings() {
  let count = 0n;
  const kept: Finding[] = [];
  const add: AddFinding = (check, ids, detail) => {
    count++;
    if (kept.length < maxStoredFindings) kept.push({ walletId: "", postingId: "", callId: "", ...ids, check, detail });
  };
  return { add, read: () => ({ findingCount: count, findings: [...kept] }) };
}

function checkWallet(wallet: CheckedWallet, add: AddFinding): void {
  const { walletId, balanceNanos, heldNanos, journalNanos, openNanos } = wallet;
  if (balanceNanos !== journalNanos) {
    add("wallet.balance", { walletId }, `the balance is ${balanceNanos} nanos, the entries come to ${journalNanos}`);
  }
  if (heldNanos !== openNanos) {
    add("wallet.held", { walletId }, `${heldNanos} nanos are held, holds and leases come to ${openNanos}`);
  }
  if (wallet.creditLimitNanos !== wallet.lentNanos) {
    add(
      "wallet.credit",
      { walletId },
      `the credit limit is ${wallet.creditLimitNanos} nanos, ${wallet.lentNanos} are lent`,
    );
  }
  if (balanceNanos < 0n || heldNanos < 0n || heldNanos > balanceNanos) {
    add("wallet.negative", { walletId }, `the balance is ${balanceNanos} nanos, ${heldNanos} of them held`);
  }
}

/** Follows each chain from its first posting to its head. Gives how many postings there were. */
async function checkChains(
  tx: Tx,
  integrity: IntegrityStore,
  heads: ReadonlyMap<string, ChainHead>,
  add: AddFinding,
): Promise<bigint> {
  const reached = new Map<string, ChainHead>();
  let postings = 0n;
  for await (const rows of integrity.readPostings(tx, [...heads.keys()])) {
    postings += BigInt(rows.length);
    for (const posting of rows) {
      const before = reached.get(posting.chain) ?? { journalSequence: 0n, journalHash: "" };
      checkPosting(posting, before, add);
      // From what is stored on: one changed row is one finding, not one for each row after it.
      reached.set(posting.chain, { journalSequence: posting.sequence, journalHash: posting.hash });
    }
  }
  for (const [chain, head] of heads) {
    const end = reached.get(chain) ?? { journalSequence: 0n, journalHash: "" };
    if (end.journalSequence !== head.journalSequence || end.journalHash !== head.journalHash) {
      const detail = `the chain ends at posting ${end.journalSequence}, its head says ${head.journalSequence}`;
      const isShort = end.journalSequence !== head.journalSequence;
      add("wallet.head", { walletId: chain }, isShort ? detail : `${detail}, with another hash`);
    }
  }
  return postings;
}

function checkPosting(posting: StoredPosting, before: ChainHead, add: AddFinding): void {
  const ids = { walletId: posting.chain, postingId: posting.postingId };
  const expected = before.journalSequence + 1n;
  if (posting.sequence !== expected) {
    add("posting.gap", ids, `place ${expected} of the chain is empty; this posting is at ${posting.sequence}`);
  }
  const entries = (posting.entries ?? []).map(({ account, amountNanos }) => ({
    account,
    amountNanos: BigInt(amountNanos),
  }));
  const sumNanos = entries.reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
  if (sumNanos !== 0n || entries.length < 2) {
    add("posting.balance", ids, `${entries.length} entries come to ${sumNanos} nanos`);
  }
  // Behind a gap the hash before is not known, and the gap is reported.
  if (posting.sequence === expected && hashOf({ ...posting, entries }, before.journalHash) !== posting.hash) {
    add("posting.hash", ids, "the posting or its entries are not what was written");
  }
}

async function checkUsage(
  tx: Tx,
  { integrity, priceVersions }: Pick<VerifyDeps, "integrity" | "priceVersions">,
  wallets: readonly CheckedWallet[],
  add: AddFinding,
): Promise<bigint> {
  const tenantIds = [...new Set(wallets.map(({ tenantId }) => tenantId))];
  const walletIds = wallets.map(({ walletId }) => walletId);
  let count = 0n;
  for await (const rows of integrity.readUsage(tx, tenantIds)) {
    count += BigInt(rows.length);
    const prices = await priceVersions.find(tx, new Set(rows.map(({ priceId }) => priceId)));
    for (const row of rows) checkCost(row, prices.get(row.priceId), add);
  }
  for (const { callId, walletId, attempts, costNanos: nanos } of await integrity.listTwiceCharged(tx, tenantIds)) {
    add("usage.twice", { callId, walletId }, `${attempts} attempts were charged, ${nanos} nanos in all`);
  }
  const differences = await integrity.listUsageDifferences(tx, { walletIds, tenantIds });
  for (const { postingId, chargedNanos, usedNanos } of differences) {
    add("usage.posting", { postingId }, `the posting took ${chargedNanos} nanos, its calls come to ${usedNanos}`);
  }
  return count;
}

async function checkBudgets(
  tx: Tx,
  integrity: IntegrityStore,
  wallets: readonly CheckedWallet[],
  add: AddFinding,
): Promise<void> {
  const walletIds = new Map(wallets.map(({ tenantId, walletId }) => [tenantId, walletId]));
  for (const budget of await integrity.listDriftedBudgets(tx, [...walletIds.keys()])) {
    const { budgetId, tenantId, reserved, held } = budget;
    const detail = `budget ${budgetId} has ${reserved} reserved, calls in flight and leases have set ${held} aside`;
    add("budget.reserved", { walletId: walletIds.get(tenantId) ?? "" }, detail);
  }
}

function checkCost(row: CheckedUsage, price: Price | undefined, add: AddFinding): void {
  const { callId, walletId, priceId } = row;
  if (!price) {
    add("usage.price", { callId, walletId }, `there is no price ${priceId}`);
    return;
  }
  const expected = costNanos(price.terms, row, callTerms(row.startedAt?.getTime() ?? 0, row.serviceMode));
  const recorded = row.costNanos + row.uncollectedNanos;
  if (recorded !== expected) {
    add("usage.cost", { callId, walletId }, `${recorded} nanos are recorded, price ${priceId} comes to ${expected}`);
  }
}
