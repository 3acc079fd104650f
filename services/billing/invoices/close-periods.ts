import { hash } from "node:crypto";
import { timestampFromDate as toTimestamp } from "@bufbuild/protobuf/wkt";
import { invoiceIssued } from "@lyss/contracts/events/billing.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { DueWallet, InvoiceStore } from "./invoice-store.ts";
import { closableUntilMs, type Period, periodAt } from "./period.ts";
import { readStatement, type StatementDeps, type StatementRange } from "./read-statement.ts";
import { type Statement, usageCategory } from "./statement.ts";

export interface ClosingDeps extends StatementDeps {
  readonly invoices: InvoiceStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly graceMs: number;
}

export interface ClosedPeriods {
  readonly issued: number;
  /** Wallets whose journal and balance do not agree: nothing is issued for them. */
  readonly refused: number;
}

const walletsPerPage = 100;

/**
 * Issues an invoice for every period that has ended, wallet by wallet and oldest first, once `graceMs` have passed since
 * its end. A period in which nothing was posted has none. A repeat issues nothing, and so do two nodes at once.
 */
export async function closePeriods(deps: ClosingDeps, signal?: AbortSignal): Promise<ClosedPeriods> {
  const untilMs = closableUntilMs(deps.clock.nowMs(), deps.anchorDay, deps.graceMs);
  let issued = 0;
  let refused = 0;
  for (let afterWalletId = ""; ; ) {
    const wallets = await deps.invoices.listDueWallets(untilMs, afterWalletId, walletsPerPage);
    for (const wallet of wallets) {
      signal?.throwIfAborted();
      const result = await closeWallet(deps, wallet, untilMs);
      issued += result.issued;
      if (result.isRefused) refused++;
    }
    const last = wallets.at(-1);
    if (!last || wallets.length < walletsPerPage) return { issued, refused };
    afterWalletId = last.walletId;
  }
}

async function closeWallet(deps: ClosingDeps, first: DueWallet, untilMs: number) {
  let issued = 0;
  for (let wallet: DueWallet | undefined = first; wallet; ) {
    const range = await nextRange(deps, wallet);
    if (range.endMs > untilMs) break;
    const statement = await readStatement(deps, range);
    // What the balance says was there is what the last invoice left, or one of the two is wrong.
    if (BigInt(statement.opening_nanos) !== wallet.lastClosingNanos) {
      const [opening, left] = [statement.opening_nanos, wallet.lastClosingNanos.toString()];
      const facts = { wallet_id: wallet.walletId, opening_nanos: opening, last_closing_nanos: left };
      deps.log.error(facts, "journal and balance of a wallet differ: its period is not closed");
      return { issued, isRefused: true };
    }
    if (!(await issue(deps, wallet, range, statement))) break;
    issued++;
    wallet = await deps.invoices.findDueWallet(wallet.tenantId, wallet.currency);
  }
  return { issued, isRefused: false };
}

/** The period of a wallet's next posting, whichever time that has: it begins no sooner than the last invoice ended. */
export function nextPeriod({ nextPostedAt, lastEnd }: DueWallet, anchorDay: number): Period {
  const lastEndMs = lastEnd?.getTime() ?? 0;
  const { startMs, endMs } = periodAt(Math.max(nextPostedAt.getTime(), lastEndMs), anchorDay);
  return { startMs: Math.max(startMs, lastEndMs), endMs };
}

/**
 * The period of a wallet's next posting, and what of the journal belongs to it: everything behind the last invoice that was
 * posted before the period's end. What is posted late is posted in a later period, whatever it is about.
 */
export async function nextRange(
  { statementStore, anchorDay }: Pick<StatementDeps, "statementStore" | "anchorDay">,
  wallet: DueWallet,
): Promise<StatementRange> {
  const { walletId, tenantId, currency, lastSequence: after } = wallet;
  const { startMs, endMs } = nextPeriod(wallet, anchorDay);
  const through = await statementStore.findSequenceBefore(walletId, endMs);
  return { walletId, tenantId, currency, after, through, startMs, endMs };
}

/** False when another node was faster. */
async function issue(
  { db, invoices, outbox, clock, random }: ClosingDeps,
  { tenantId, walletId, currency, lastSequence }: DueWallet,
  { startMs, endMs, through }: StatementRange,
  statement: Statement,
): Promise<boolean> {
  const content = JSON.stringify(statement);
  const issuedAt = new Date(clock.nowMs());
  const year = issuedAt.getUTCFullYear();
  const charges = statement.sums.find(({ category }) => category === usageCategory);
  const invoice = {
    ...{ tenantId, walletId, currency, year, issuedAt, content },
    invoiceId: random.id("inv"),
    periodStart: new Date(startMs),
    periodEnd: new Date(endMs),
    openingNanos: BigInt(statement.opening_nanos),
    chargedNanos: -BigInt(charges?.amount_nanos ?? 0),
    closingNanos: BigInt(statement.closing_nanos),
    lastSequence: through,
    contentHash: hashContent(content),
  };
  return db.transaction(async (tx) => {
    await invoices.lockTenant(tx, tenantId);
    if ((await invoices.findLastSequence(tx, walletId)) !== lastSequence) return false;
    const numberInYear = await invoices.takeNumber(tx, tenantId, year);
    const number = formatNumber(year, numberInYear);
    await invoices.insertInvoice(tx, { ...invoice, number, numberInYear });
    const { invoiceId, periodStart, periodEnd, chargedNanos, closingNanos } = invoice;
    await outbox.append(tx, invoiceIssued, {
      ...{ tenantId, walletId, currency, invoiceId, number, chargedNanos, closingNanos },
      periodStart: toTimestamp(periodStart),
      periodEnd: toTimestamp(periodEnd),
    });
    return true;
  });
}

/** `2026-000001`. */
function formatNumber(year: number, numberInYear: number): string {
  return `${year}-${numberInYear.toString().padStart(6, "0")}`;
}

/** SHA-256 of what an invoice says, in hex. */
export function hashContent(content: string): string {
  return hash("sha256", content, "hex");
}
