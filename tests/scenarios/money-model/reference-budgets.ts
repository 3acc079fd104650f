import type { Amounts, BudgetUnit } from "@lyss/contracts/budgets/amounts.ts";

/** Whose calls a budget caps: those of a key, or of the whole tenant where `keyId` is empty. It never starts anew. */
export interface Cap {
  readonly name: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly unit: BudgetUnit;
  readonly limit: bigint;
}

interface Caller {
  readonly tenantId: string;
  readonly keyId: string;
}

/** What calls have used, hold, and may take from leases. */
export interface CappedThings {
  readonly uses: () => Iterable<Caller & { readonly spent: Amounts }>;
  readonly holds: () => Iterable<Caller & { readonly most: Amounts }>;
  /** By the names of the caps of which they hold a share. */
  readonly leases: () => Iterable<{ readonly shares: ReadonlyMap<string, bigint> }>;
}

/** Budgets, added up anew from what there is each time somebody asks. */
export function createReferenceBudgets({ uses, holds, leases }: CappedThings) {
  const caps: Cap[] = [];
  const isOn = (cap: Cap, call: Caller) =>
    cap.tenantId === call.tenantId && (cap.keyId === "" || cap.keyId === call.keyId);
  const total = (amounts: Iterable<bigint>) => [...amounts].reduce((sum, amount) => sum + amount, 0n);
  const used = (cap: Cap) => total([...uses()].filter((use) => isOn(cap, use)).map(({ spent }) => spent[cap.unit]));
  const reserved = (cap: Cap) =>
    total([...holds()].filter((hold) => isOn(cap, hold)).map(({ most }) => most[cap.unit])) +
    total([...leases()].map(({ shares }) => shares.get(cap.name) ?? 0n));
  const orNone = (amount: bigint) => (amount < 0n ? 0n : amount);

  return {
    add: (cap: Cap) => void caps.push(cap),
    pathOf: (call: Caller) => caps.filter((cap) => isOn(cap, call)),
    used,
    reserved,
    unused: (cap: Cap) => orNone(cap.limit - used(cap)),
    available: (cap: Cap) => orNone(cap.limit - used(cap) - reserved(cap)),
    state: (): Record<string, string> =>
      Object.fromEntries(caps.map((cap) => [`budget ${cap.name}`, `${used(cap)} used, ${reserved(cap)} reserved`])),
  };
}

export function nameOf(tenantId: string, keyId: string, unit: BudgetUnit): string {
  return `${tenantId} ${keyId} ${unit}`;
}
