import { ofMoney } from "./budgets/model.ts";
import type { LeaseAnswer, LeaseChange, LeaseGrant, LeaseReturn } from "./lease.ts";

type Names = Pick<LeaseGrant, "leaseId" | "nodeId" | "tenantId">;

/** A grant of money only, for calls that need not fit into a budget of a user or key. */
export function moneyGrant(
  names: Names,
  { wantNanos, leastNanos = 1n, changeNumber = 1 }: { wantNanos: bigint; leastNanos?: bigint; changeNumber?: number },
): LeaseGrant {
  const amounts = { want: ofMoney(wantNanos), least: ofMoney(leastNanos) };
  return { kind: "grant", ...names, userId: "", keyId: "", changeNumber, ...amounts };
}

/** A return of money only. */
export function moneyReturn(
  names: Names,
  { amountNanos, changeNumber }: { amountNanos: bigint; changeNumber: number },
): LeaseReturn {
  return { kind: "return", ...names, changeNumber, amounts: ofMoney(amountNanos) };
}

/** What money a change came to. */
export async function changeMoney(
  { changeLease }: { changeLease(change: LeaseChange): Promise<LeaseAnswer> },
  change: LeaseChange,
): Promise<bigint> {
  return (await changeLease(change)).amounts.money;
}
