import { atMost } from "@lyss/contracts/pricing/at-most.ts";
import { type OtherBucket, otherBucketNames } from "@lyss/contracts/pricing/token-price.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { compare } from "../compare.ts";
import type { Price } from "../prices/price.ts";
import type { PriceStore } from "../prices/price-store.ts";
import type { OtherBucketsJson } from "../prices/terms-json.ts";
import { nobody } from "./billing-profile.ts";
import type { InvoiceStore } from "./invoice-store.ts";
import { makeStatement } from "./make-statement.ts";
import type { Party, Statement } from "./statement.ts";
import {
  type JournalRange,
  type MovementRow,
  maxPostingsPerRead,
  type StatementStore,
  type UsageSumRow,
} from "./statement-store.ts";

export interface StatementDeps {
  readonly db: Database;
  readonly priceStore: Pick<PriceStore, "findPricesById">;
  readonly invoices: Pick<InvoiceStore, "findProfile">;
  readonly statementStore: StatementStore;
  readonly seller: Party;
  readonly anchorDay: number;
}

/** Which part of whose journal, and the times that it stands for. */
export interface StatementRange extends JournalRange {
  readonly tenantId: string;
  readonly currency: string;
  readonly startMs: number;
  readonly endMs: number;
}

const dayMs = 86_400_000;
/** A call is charged long after it began when its node was away with what it had to say. */
const maxLateDays = 40;
/** Late calls are few: several days are read at a time. */
const lateDaysPerRead = 8;

/** The statement of a part of a wallet's journal. The same part gives the same statement, whenever it is read. */
export async function readStatement(deps: StatementDeps, range: StatementRange): Promise<Statement> {
  const { statementStore, invoices, seller, anchorDay } = deps;
  const { walletId, tenantId, after } = range;
  const [openingNanos, profile] = await Promise.all([
    statementStore.readBalanceAt({ walletId, through: after }),
    invoices.findProfile(tenantId),
  ]);
  const { movements, chargedNanos } = await readPostings(statementStore, range);
  const usage = chargedNanos === 0n ? [] : await readUsage(deps, range);
  const priceIds = [...new Set(usage.map(({ priceId }) => priceId))];
  const prices = await deps.db.transaction((tx) => deps.priceStore.findPricesById(tx, priceIds));
  return makeStatement({
    ...{ ...range, anchorDay, seller, buyer: profile ?? nobody },
    ...{ openingNanos, movements, chargedNanos, usage },
    prices: new Map(prices.map((price): [string, Price] => [price.priceId, price])),
  });
}

async function readPostings(reader: StatementStore, range: StatementRange) {
  const movements: MovementRow[] = [];
  let chargedNanos = 0n;
  for (let after = range.after; after < range.through; after += maxPostingsPerRead) {
    const through = atMost(range.through, after + maxPostingsPerRead);
    const part = { walletId: range.walletId, after, through };
    const [charges, moved] = await Promise.all([reader.sumCharges(part), reader.listMovements(part)]);
    chargedNanos += charges.nanos;
    movements.push(...moved);
  }
  return { movements, chargedNanos };
}

/** By the days on which calls began, so that each call is looked at once and no statement takes long. */
async function readUsage({ statementStore, anchorDay }: StatementDeps, range: StatementRange): Promise<UsageSumRow[]> {
  const { startMs } = range;
  // A node whose clock is ahead says that its calls began later than they were charged.
  const endMs = range.endMs + dayMs;
  const sums = new Map<string, UsageSumRow>();
  for (let fromMs = startMs - maxLateDays * dayMs; fromMs < endMs; ) {
    const isLate = fromMs < startMs;
    const untilMs = Math.min(fromMs + (isLate ? lateDaysPerRead : 1) * dayMs, isLate ? startMs : endMs);
    const rows = await statementStore.listUsageSums({ ...range, fromMs, untilMs, periodStartMs: startMs, anchorDay });
    for (const row of rows) {
      const alike = [row.provider, row.model, row.priceId, row.aboutPeriod, row.mode, row.tier, row.windows];
      const key = JSON.stringify(alike);
      const known = sums.get(key);
      sums.set(key, known ? add(known, row) : row);
    }
    fromMs = untilMs;
  }
  return [...sums].sort(([a], [b]) => compare(a, b)).map(([, row]) => row);
}

function add(a: UsageSumRow, b: UsageSumRow): UsageSumRow {
  return {
    ...a,
    calls: a.calls + b.calls,
    estimatedCalls: a.estimatedCalls + b.estimatedCalls,
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    otherBuckets: addBuckets(a.otherBuckets, b.otherBuckets),
    paidNanos: a.paidNanos + b.paidNanos,
    uncollectedNanos: a.uncollectedNanos + b.uncollectedNanos,
  };
}

function addBuckets(a: OtherBucketsJson, b: OtherBucketsJson): OtherBucketsJson {
  if (!a || !b) return a ?? b;
  const sumOf = (bucket: OtherBucket) => BigInt(a[bucket] ?? 0) + BigInt(b[bucket] ?? 0);
  return Object.fromEntries(otherBucketNames.map((bucket) => [bucket, sumOf(bucket).toString()]));
}
