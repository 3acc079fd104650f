import { type Amounts, availableOf, type Budget, type CallPath, ofMoney } from "./budgets/model.ts";
import type { Wallet } from "./model.ts";
import { atMost, availableNanos } from "./model.ts";

/** Money that a node may spend by itself, and shares of the budgets that those calls must fit into. */
export interface Lease extends LeaseChanged {
  readonly leaseId: string;
  readonly nodeId: string;
  readonly walletId: string;
  readonly tenantId: string;
  /** What of the wallet is still set aside. */
  readonly amountNanos: bigint;
  readonly changeNumber: number;
  /** Where its last change says how long it lives. */
  readonly lifetimeMs?: bigint;
}

/** What the last change came to: positive for a grant, negative for a return. Tokens and calls where a budget counts them. */
interface LeaseChanged {
  readonly changeNanos: bigint;
  readonly changeTokens: bigint;
  readonly changeCalls: bigint;
}

interface LeaseRequest {
  readonly leaseId: string;
  readonly nodeId: string;
  readonly tenantId: string;
  readonly changeNumber: number;
}

export interface LeaseGrant extends LeaseRequest, CallPath {
  readonly kind: "grant";
  readonly want: Amounts;
  /** Less than this is of no use. */
  readonly least: Amounts;
  /** True for one that is to hold all that is wanted, or nothing, out of all that is available. */
  readonly isWhole?: boolean;
  /** How long it lives without being extended; as billing has it for every lease when 0 or left out. */
  readonly lifetimeMs?: bigint;
}

export interface LeaseReturn extends LeaseRequest {
  readonly kind: "return";
  readonly amounts: Amounts;
}

export type LeaseChange = LeaseGrant | LeaseReturn;

/** What the node is told of a change. */
export interface LeaseAnswer {
  /** What the change came to. */
  readonly amounts: Amounts;
  /** Those of which the lease holds a share. */
  readonly budgets: readonly Budget[];
  /** By the clock of the budgets. */
  readonly nowMs: number;
}

/** A node gets no more than this part of what is available, so that several can have a lease and some is left. */
const shareDivisor = 8n;
/** A budget that soon begins anew is not leased: the lease would be over before it is of use. */
const leastWindowMs = 5_000;
const nothing = ofMoney(0n);

/** What goes into a lease from a wallet and the budgets of its path: nothing where a share of one would be of no use. */
export function grantAmounts(
  wallet: Wallet,
  path: readonly Budget[],
  { want, least, isWhole = false }: Pick<LeaseGrant, "want" | "least" | "isWhole">,
  nowMs: number,
): Amounts {
  // What is set aside for known work is charged in the period in which it began, whenever that ends.
  if (
    !isWhole &&
    path.some(({ window }) => window.endsAt !== null && window.endsAt.getTime() - nowMs < leastWindowMs)
  ) {
    return nothing;
  }
  const levels = [
    { unit: "money" as const, available: availableNanos(wallet) },
    ...path.map((budget) => ({ unit: budget.unit, available: availableOf(budget) })),
  ];
  const granted = { ...nothing };
  for (const [unit, ofUnit] of Map.groupBy(levels, (level) => level.unit)) {
    const share = ofUnit.map(({ available }) => available).reduce(atMost) / (isWhole ? 1n : shareDivisor);
    if (share < least[unit] || (share <= 0n && !isWhole)) return nothing;
    granted[unit] = atMost(want[unit], share);
  }
  return granted;
}

/**
 * A lease after a change, and what the change came to; undefined when the change was overtaken by a later one, is another
 * node's, or comes after the lease was freed: its node believes to have money that others have by now. A repeat of the
 * last change comes to what it came to then, and changes nothing. `path` is what the lease's calls must fit into, and `held`
 * those of which it holds a share: one that holds shares of other budgets than its path has by now gets no more.
 */
export function changeLease(
  lease: Lease | undefined,
  wallet: Wallet,
  change: LeaseChange,
  budgets: { readonly path: readonly Budget[]; readonly held: readonly Budget[]; readonly nowMs: number },
): { readonly lease: Lease; readonly amounts: Amounts; readonly isRepeat: boolean } | undefined {
  const { leaseId, nodeId, tenantId, changeNumber } = change;
  const lifetime = change.kind === "grant" && change.lifetimeMs ? { lifetimeMs: change.lifetimeMs } : {};
  if (!lease && changeNumber !== 1) return undefined;
  const known = lease ?? {
    ...{ leaseId, nodeId, tenantId, walletId: wallet.walletId },
    ...{ amountNanos: 0n, changeNumber: 0, ...toChanged(nothing) },
  };
  if (known.nodeId !== nodeId || known.tenantId !== tenantId || changeNumber < known.changeNumber) return undefined;
  if (changeNumber === known.changeNumber) {
    const amounts = { money: known.changeNanos, tokens: known.changeTokens, calls: known.changeCalls };
    return { lease: { ...known, ...lifetime }, amounts, isRepeat: true };
  }
  const isOutdated = lease !== undefined && !isSame(budgets.path, budgets.held);
  const amounts =
    change.kind === "return"
      ? takenBack(change, known)
      : isOutdated
        ? nothing
        : grantAmounts(wallet, budgets.path, change, budgets.nowMs);
  const amountNanos = known.amountNanos + amounts.money;
  return {
    lease: { ...known, amountNanos, changeNumber, ...toChanged(amounts), ...lifetime },
    ...{ amounts, isRepeat: false },
  };
}

function takenBack({ amounts }: LeaseReturn, { amountNanos }: Lease): Amounts {
  return { money: -atMost(amounts.money, amountNanos), tokens: -amounts.tokens, calls: -amounts.calls };
}

function toChanged({ money, tokens, calls }: Amounts): LeaseChanged {
  return { changeNanos: money, changeTokens: tokens, changeCalls: calls };
}

function isSame(path: readonly Budget[], held: readonly Budget[]): boolean {
  const heldIds = new Set(held.map(({ budgetId }) => budgetId));
  return heldIds.size === path.length && path.every(({ budgetId }) => heldIds.has(budgetId));
}
