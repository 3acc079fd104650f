import { compare } from "../compare.ts";
import type { Price } from "../prices/price.ts";
import { categoryOf } from "./movement-category.ts";
import { periodName } from "./period.ts";
import {
  type CategorySum,
  type Movement,
  maxMovementLines,
  maxUsageLines,
  type Party,
  type Statement,
  type UsageLine,
  usageCategory,
} from "./statement.ts";
import type { MovementRow, UsageSumRow } from "./statement-store.ts";
import { toUsageLine } from "./usage-line.ts";

/** What a statement is made of. */
export interface StatementParts {
  readonly tenantId: string;
  readonly walletId: string;
  readonly currency: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly after: bigint;
  readonly through: bigint;
  readonly anchorDay: number;
  readonly seller: Party;
  readonly buyer: Party;
  readonly openingNanos: bigint;
  readonly movements: readonly MovementRow[];
  /** What calls cost by the journal; positive. */
  readonly chargedNanos: bigint;
  readonly usage: readonly UsageSumRow[];
  readonly prices: ReadonlyMap<string, Price>;
}

/** The statement of those parts: the opening balance and all its sums are the closing balance, to the nano. */
export function makeStatement(parts: StatementParts): Statement {
  const movements = makeMovements(parts);
  const usage = makeUsage(parts);
  const itemizedNanos = usage.reduce((sum, line) => sum + BigInt(line.charge_nanos), 0n);
  const sums = sumUp(parts);
  const closingNanos = sums.reduce((sum, { amount_nanos }) => sum + BigInt(amount_nanos), parts.openingNanos);
  return {
    tenant_id: parts.tenantId,
    wallet_id: parts.walletId,
    currency: parts.currency,
    period: { start: new Date(parts.startMs).toISOString(), end: new Date(parts.endMs).toISOString() },
    postings: { after: parts.after.toString(), through: parts.through.toString() },
    seller: parts.seller,
    buyer: parts.buyer,
    opening_nanos: parts.openingNanos.toString(),
    sums,
    closing_nanos: closingNanos.toString(),
    movements,
    usage,
    other_usage_nanos: (parts.chargedNanos - itemizedNanos).toString(),
  };
}

function makeMovements(parts: StatementParts): readonly Movement[] {
  const lines = parts.movements.slice(0, maxMovementLines).map((row) => toMovement(row, parts));
  const rest = Map.groupBy(parts.movements.slice(maxMovementLines), categoryOf);
  const summed = [...rest].map(([category, rows]): Movement => {
    const amountNanos = rows.reduce((sum, row) => sum + row.amountNanos, 0n);
    const lastPosted = rows.at(-1)?.postedAt ?? new Date(parts.endMs);
    return {
      ...{ posted_at: lastPosted.toISOString(), category, about_period: null, reference: "", note: "", posting_id: "" },
      ...{ count: rows.length, amount_nanos: amountNanos.toString() },
    };
  });
  return [...lines, ...summed];
}

function toMovement(row: MovementRow, { walletId, startMs, anchorDay }: StatementParts): Movement {
  const { aboutAt, reference } = row;
  const isEarlier = aboutAt !== null && aboutAt.getTime() < startMs;
  return {
    posted_at: row.postedAt.toISOString(),
    category: categoryOf(row),
    about_period: isEarlier ? periodName(aboutAt.getTime(), anchorDay) : null,
    // References are unique among all wallets, so some carry the wallet's id.
    reference: reference.startsWith(`${walletId}/`) ? reference.slice(walletId.length + 1) : reference,
    note: row.note,
    posting_id: row.postingId,
    count: 1,
    amount_nanos: row.amountNanos.toString(),
  };
}

/** The dearest lines first where there are too many; in the order of their names. */
function makeUsage({ usage, prices }: StatementParts): readonly UsageLine[] {
  const lines = usage.flatMap((row) => {
    const price = prices.get(row.priceId);
    return price && (row.paidNanos > 0n || row.uncollectedNanos > 0n) ? [toUsageLine(row, price)] : [];
  });
  const byCharge = lines.toSorted((a, b) => compare(BigInt(b.charge_nanos), BigInt(a.charge_nanos)));
  const kept = new Set(byCharge.slice(0, maxUsageLines));
  return lines.filter((line) => kept.has(line));
}

function sumUp({ movements, chargedNanos, usage }: StatementParts): readonly CategorySum[] {
  const sums = [...Map.groupBy(movements, categoryOf)].map(([category, rows]) => ({
    category,
    count: rows.length,
    amount_nanos: rows.reduce((sum, row) => sum + row.amountNanos, 0n).toString(),
  }));
  const calls = usage.reduce((sum, row) => sum + row.calls, 0n);
  const used = { category: usageCategory, count: Number(calls), amount_nanos: (-chargedNanos).toString() };
  return [...sums.sort((a, b) => compare(a.category, b.category)), used];
}
