import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { atLeast, atMost } from "@lyss/contracts/pricing/at-most.ts";
import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { admit, availableNanos, formatNanos, type Wallet, type Want } from "../model.ts";
import { type Amounts, availableOf, type Budget, unusedOf } from "./model.ts";

export type PathAdmission =
  | { readonly kind: "granted"; readonly amountNanos: bigint; readonly outputTokens: bigint }
  /** `wait`: calls in flight hold what is missing. `refused`: it is used up. */
  | { readonly kind: "wait" | "refused"; readonly failure: Failure; readonly budgetId: string | undefined };

interface Terms {
  readonly price: PriceTerms;
  readonly want: Want;
  readonly comfortableOutputTokens: bigint;
  /** Prices may depend on it. */
  readonly startedAtMs: number;
  /** By the clock of the budgets. */
  readonly nowMs: number;
}

/** When to try again where calls in flight hold what is missing. */
const heldRetryMs = 1_000;

/** What a call may use at most in each unit. */
export function mostOf(want: Want, amountNanos: bigint, outputTokens: bigint): Amounts {
  return { money: amountNanos, tokens: want.inputTokens + outputTokens * want.choices, calls: 1n };
}

/**
 * Decides whether a call fits its wallet and every budget on its path, by the rule of `admit`: each level is as good as
 * the narrowest. The answer names the level that it does not fit.
 */
export function admitOnPath(wallet: Wallet, path: readonly Budget[], terms: Terms): PathAdmission {
  const counted = path.filter(({ unit }) => unit !== "money");
  const short = findShort(counted, terms);
  if (short) return short;
  const maxOutputTokens = outputWithin(counted, availableOf, terms.want);
  const want = { ...terms.want, maxOutputTokens };
  const levels = path.filter(({ unit }) => unit === "money");
  const narrowest = narrow(wallet, levels);
  const admission = admit(narrowest, terms.price, want, terms);
  if (admission.kind === "granted") return admission;

  const { kind, requiredNanos } = admission;
  const isRefused = kind === "refused";
  const budget = levels.find((level) =>
    isRefused ? unusedOf(level) === narrowest.balanceNanos : availableOf(level) === availableNanos(narrowest),
  );
  const ofWallet = isRefused ? wallet.balanceNanos : availableNanos(wallet);
  const isWallet = ofWallet === (isRefused ? narrowest.balanceNanos : availableNanos(narrowest));
  if (!budget || isWallet) return { kind, failure: insufficientBalance(wallet, requiredNanos), budgetId: undefined };
  return { kind, failure: budgetExceeded(budget, wallet.currency, requiredNanos), budgetId: budget.budgetId };
}

/** Why all of this cannot be set aside at once; undefined where it can. The answer names the level that it does not fit. */
export function findWholeRefusal(
  wallet: Wallet,
  path: readonly Budget[],
  want: Amounts,
  nowMs: number,
): Failure | undefined {
  if (availableNanos(wallet) < want.money) return insufficientBalance(wallet, want.money);
  const short = path.find((budget) => availableOf(budget) < want[budget.unit]);
  if (!short) return undefined;
  if (short.unit === "money") return budgetExceeded(short, wallet.currency, want.money);
  return quotaExceeded("refused", short, want[short.unit], nowMs);
}

/** The wallet as if it had no more than its narrowest budget. */
function narrow(wallet: Wallet, budgets: readonly Budget[]): Wallet {
  const balanceNanos = budgets.map(unusedOf).reduce(atMost, wallet.balanceNanos);
  const available = budgets.map(availableOf).reduce(atMost, availableNanos(wallet));
  return { ...wallet, balanceNanos, heldNanos: balanceNanos - available };
}

/** The first budget of tokens or calls that the call does not fit; those that are used up before those that are held. */
function findShort(budgets: readonly Budget[], { want, comfortableOutputTokens, nowMs }: Terms) {
  const leastTokens = want.minOutputTokens;
  const required = (budget: Budget) => mostOf(want, 0n, leastTokens)[budget.unit];
  const usedUp = budgets.find((budget) => outputWithin([budget], unusedOf, want) < leastTokens);
  if (usedUp) return refuse("refused", usedUp, required(usedUp), nowMs);

  const comfortable = atLeast(comfortableOutputTokens, leastTokens);
  const held = budgets.find((budget) => {
    const now = outputWithin([budget], availableOf, want);
    return now < comfortable && now < outputWithin([budget], unusedOf, want);
  });
  return held && refuse("wait", held, required(held), nowMs);
}

/** The longest output per choice, up to the wanted most, that fits; negative when not even the call itself does. */
function outputWithin(budgets: readonly Budget[], amountOf: (budget: Budget) => bigint, want: Want): bigint {
  return budgets.reduce((most, budget) => {
    const amount = amountOf(budget);
    if (budget.unit === "calls") return amount >= 1n ? most : -1n;
    return amount < want.inputTokens ? -1n : atMost(most, (amount - want.inputTokens) / want.choices);
  }, want.maxOutputTokens);
}

function refuse(kind: "wait" | "refused", budget: Budget, required: bigint, nowMs: number): PathAdmission {
  return { kind, failure: quotaExceeded(kind, budget, required, nowMs), budgetId: budget.budgetId };
}

function quotaExceeded(kind: "wait" | "refused", budget: Budget, required: bigint, nowMs: number): Failure {
  return new Failure(
    billingFailures.quota_exceeded,
    { ...describe(budget, String), required: String(required) },
    { retryAfterMs: retryAfterMs(kind, budget, required, nowMs) },
  );
}

/** Undefined where no time will help: the call is larger than the limit, or the limit does not begin anew. */
function retryAfterMs(kind: "wait" | "refused", { limit, window }: Budget, required: bigint, nowMs: number) {
  if (kind === "wait") return heldRetryMs;
  if (required > limit || window.endsAt === null) return undefined;
  return window.endsAt.getTime() - nowMs;
}

function insufficientBalance(wallet: Wallet, requiredNanos: bigint): Failure {
  return new Failure(billingFailures.insufficient_balance, {
    required: formatNanos(requiredNanos),
    available: formatNanos(availableNanos(wallet)),
    held: formatNanos(wallet.heldNanos),
    currency: wallet.currency,
    limit_source: "wallet",
    top_up_url: "/v1/billing/top-up",
  });
}

function budgetExceeded(budget: Budget, currency: string, requiredNanos: bigint): Failure {
  const amounts = { ...describe(budget, formatNanos), required: formatNanos(requiredNanos), unit: currency };
  return new Failure(billingFailures.budget_exceeded, amounts);
}

/** What a caller is told of the budget that stands in its way. */
function describe(budget: Budget, format: (amount: bigint) => string) {
  const { scopeKind, scopeId, budgetId, unit, period, limit, used, reserved, window } = budget;
  return {
    ...{ limit_source: scopeKind, limit_source_id: scopeId, budget_id: budgetId, unit, period },
    ...{ limit: format(limit), used: format(used), reserved: format(reserved), available: format(availableOf(budget)) },
    reset_at: window.endsAt?.toISOString() ?? "never",
  };
}
