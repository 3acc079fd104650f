import { creditLimitChanged } from "@lyss/contracts/events/billing.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Cause, CreditDeps } from "../credit-deps.ts";
import { accounts } from "../journal/accounts.ts";
import { move } from "../journal/posting.ts";
import { availableNanos, formatNanos } from "../model.ts";
import type { CreditLimitChange, CreditLimitStore } from "./credit-limit-store.ts";
import { requireCreditLimit } from "./require-credit-limit.ts";

export interface CreditLimitDeps extends CreditDeps {
  readonly creditLimits: CreditLimitStore;
}

export interface SetCreditLimitInput extends Cause {
  readonly tenantId: string;
  /** Zero for none. */
  readonly limitNanos: bigint;
}

/**
 * Lets a tenant spend so much beyond what it has, and no more; every limit at first is zero. The line's money is put into the wallet,
 * lent by an account of its own, so that calls, leases and checks know nothing of it: whatever comes in is the tenant's, and what it
 * owes of the line is repaid first by itself. It is raised as far as the tenant's plan allows, and lowered by what is free of it. The same reference sets it once,
 * and gives what was set then. Throws `amount_out_of_range`, `wallet_not_found`, `credit_not_in_plan`, `amount_unavailable` where the line is in use or held, and
 * `reference_reused` for another limit.
 */
export async function setCreditLimit(deps: CreditLimitDeps, input: SetCreditLimitInput): Promise<CreditLimitChange> {
  const { db, journal, creditLimits, random, outbox, clock, currency } = deps;
  const { tenantId, limitNanos, reference, reason, userId: createdBy } = input;
  requireCreditLimit(limitNanos, currency);
  const set = await db.transaction(async (tx) => {
    const [wallet] = await journal.lockWallets(tx, [tenantId], currency);
    if (!wallet) throw new Failure(billingFailures.wallet_not_found);
    const { walletId, creditLimitNanos: beforeNanos } = wallet;
    const known = await creditLimits.findChange(tx, walletId, reference);
    if (known) {
      if (known.limitNanos !== limitNanos) throw new Failure(billingFailures.reference_reused, { reference });
      return known;
    }
    const moreNanos = limitNanos - beforeNanos;
    const mostNanos = moreNanos > 0n ? await creditLimits.findMostNanos(tx, tenantId) : limitNanos;
    if (limitNanos > mostNanos) {
      const details = { requested: formatNanos(limitNanos), allowed: formatNanos(mostNanos), currency };
      throw new Failure(billingFailures.credit_not_in_plan, details);
    }
    const available = availableNanos(wallet);
    if (-moreNanos > available) {
      const details = { requested: formatNanos(-moreNanos), available: formatNanos(available), currency };
      throw new Failure(billingFailures.amount_unavailable, details);
    }
    const change = { walletId, reference, limitNanos, beforeNanos, reason, createdBy };
    const made = { ...change, createdAt: new Date(clock.nowMs()) };
    await creditLimits.insertChange(tx, made);
    if (moreNanos === 0n) return made;
    const [line, own] = [accounts.overdraft(walletId), accounts.wallet(walletId)];
    const entries = moreNanos > 0n ? move(line, own, moreNanos) : move(own, line, -moreNanos);
    const cause = { kind: "credit_limit", reference: `${walletId}/${reference}` } as const;
    await journal.post(tx, [wallet], [{ ...cause, postingId: random.id("pst"), currency, entries }]);
    await creditLimits.updateCreditLimit(tx, walletId, limitNanos);
    await outbox.append(tx, creditLimitChanged, { tenantId, walletId, currency, limitNanos, beforeNanos, reason });
    return made;
  });
  deps.ledger.wake(tenantId);
  return set;
}
