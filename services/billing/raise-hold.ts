import type { PriceTerms } from "@lyss/contracts/pricing/price.ts";
import type { Failure } from "@lyss/kit/errors/failure.ts";
import { admitOnPath } from "./budgets/admit-on-path.ts";
import type { Budget } from "./budgets/model.ts";
import type { Hold, Wallet, Want } from "./model.ts";

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
