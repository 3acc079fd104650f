import type { ListBudgetsResponse } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { formatMoney, fromUnits } from "../../ui/values.tsx";

export type Budget = ListBudgetsResponse["data"][number];
export type Scope = Budget["scope"];
export type Unit = Budget["unit"];
export type Period = Budget["period"];

export const scopes = ["tenant", "group", "user", "key"] as const satisfies readonly Scope[];
export const units = ["money", "tokens", "calls"] as const satisfies readonly Unit[];
export const periods = ["month", "day", "hour", "minute", "total"] as const satisfies readonly Period[];

/** What of the limit is used, from 0 to 1 and beyond. Nothing may be used of a limit of zero. */
export function shareOf({ used, limit }: Pick<Budget, "used" | "limit">): number {
  return Number(limit) === 0 ? 1 : Number(used) / Number(limit);
}

/** Amounts of a budget as a person reads them; money with its currency, tokens and calls as counts. */
export function useAmount(): (text: string, unit: Unit) => string {
  const language = useLanguage();
  return (text, unit) =>
    unit === "money" ? formatMoney(fromUnits(text), language) : new Intl.NumberFormat(language).format(BigInt(text));
}
