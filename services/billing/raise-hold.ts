import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import type { Failure } from "@lyss/kit/errors/failure.ts";
import { admitOnPath } from "./budgets/admit-on-path.ts";
import type { Budget } from "./budgets/model.ts";
import type { Hold, Wallet, Want } from "./model.ts";
import type { Price } from "./prices/price.ts";

/** More for a call that is under way: its output in all, not what comes on top. */
export interface RaiseRequest extends Want {
  readonly callId: string;
  readonly tenantId: string;
}

/**
 * The hold with as much output as the wallet and the budgets can pay for, up to what is wanted; the failure, with nothing
 * changed, when that is less than what is of use. `path` is the budgets as if the call held nothing in them. A hold that
 * already covers what is wanted stays as it is, so that a repeat is safe.
 */
export function raiseHold(
  hold: Hold,
  wallet: Wallet,
  path: readonly Budget[],
  want: Want,
  terms: { readonly price: PriceTerms; readonly startedAtMs: number; readonly nowMs: number },
): Hold | Failure {
  if (hold.outputTokens >= want.minOutputTokens) return hold;
  const withoutIt = { ...wallet, heldNanos: wallet.heldNanos - hold.amountNanos };
  // A call that is under way takes whatever there is: what it has delivered is of use in any case.
  const admission = admitOnPath(withoutIt, path, { ...terms, want, comfortableOutputTokens: 0n });
  if (admission.kind !== "granted") return admission.failure;
  const { amountNanos, outputTokens } = admission;
  return { ...hold, amountNanos, outputTokens };
}

/**
 * The hold at another target's price, for as much output as there is money for; the failure when that is too little. It never waits:
 * the call is under way. `path` is the budgets as if the call held nothing in them.
 */
export function moveHold(
  hold: Hold,
  wallet: Wallet,
  path: readonly Budget[],
  request: Want & Pick<Hold, "provider" | "model">,
  { price, ...at }: { readonly price: Price } & Omit<Parameters<typeof admitOnPath>[2], "price" | "want">,
): Hold | Failure {
  const withoutIt = { ...wallet, heldNanos: wallet.heldNanos - hold.amountNanos };
  const admission = admitOnPath(withoutIt, path, { ...at, price: price.terms, want: request });
  if (admission.kind !== "granted") return admission.failure;
  const { amountNanos, outputTokens } = admission;
  const { provider, model } = request;
  return { ...hold, provider, model, priceId: price.priceId, amountNanos, outputTokens };
}
