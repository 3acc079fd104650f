import type { Wallet } from "./model.ts";
import { atMost, availableNanos } from "./model.ts";

/** Money that a node may spend by itself. */
export interface Lease {
  readonly leaseId: string;
  readonly nodeId: string;
  readonly walletId: string;
  readonly tenantId: string;
  /** What is still set aside. */
  readonly amountNanos: bigint;
  readonly changeNumber: number;
  /** What the last change came to: positive for a grant, negative for a return. */
  readonly changeNanos: bigint;
}

export interface LeaseGrant {
  readonly kind: "grant";
  readonly leaseId: string;
  readonly nodeId: string;
  readonly tenantId: string;
  readonly changeNumber: number;
  readonly wantNanos: bigint;
  readonly leastNanos: bigint;
}

export interface LeaseReturn {
  readonly kind: "return";
  readonly leaseId: string;
  readonly nodeId: string;
  readonly tenantId: string;
  readonly changeNumber: number;
  readonly amountNanos: bigint;
}

export type LeaseChange = LeaseGrant | LeaseReturn;

/** A node gets no more than this part of what is available, so that several can have a lease and some is left. */
const shareDivisor = 8n;

/** What of a wallet goes into a lease: nothing where the share would be of no use. */
export function grantNanos(wallet: Wallet, { wantNanos, leastNanos }: LeaseGrant): bigint {
  const share = availableNanos(wallet) / shareDivisor;
  if (share < leastNanos || share <= 0n) return 0n;
  return atMost(wantNanos, share);
}

/**
 * A lease after a change, and what the change came to; undefined when the change was overtaken by a later one, is another
 * node's, or comes after the lease was freed: its node believes to have money that others have by now. A repeat of the
 * last change comes to what it came to then, and changes nothing.
 */
export function changeLease(
  lease: Lease | undefined,
  wallet: Wallet,
  change: LeaseChange,
): { readonly lease: Lease; readonly nanos: bigint; readonly isRepeat: boolean } | undefined {
  const { leaseId, nodeId, tenantId, changeNumber } = change;
  if (!lease && changeNumber !== 1) return undefined;
  const known = lease ?? {
    ...{ leaseId, nodeId, tenantId, walletId: wallet.walletId },
    ...{ amountNanos: 0n, changeNumber: 0, changeNanos: 0n },
  };
  if (known.nodeId !== nodeId || known.tenantId !== tenantId || changeNumber < known.changeNumber) return undefined;
  if (changeNumber === known.changeNumber) return { lease: known, nanos: known.changeNanos, isRepeat: true };
  const nanos = change.kind === "grant" ? grantNanos(wallet, change) : -atMost(change.amountNanos, known.amountNanos);
  return {
    lease: { ...known, amountNanos: known.amountNanos + nanos, changeNumber, changeNanos: nanos },
    nanos,
    isRepeat: false,
  };
}
