import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Budget, BudgetPeriod, BudgetUnit } from "@lyss/contracts/gen/lyss/billing/v1/budget_pb.js";

const units = {
  [BudgetUnit.MONEY]: "money",
  [BudgetUnit.TOKENS]: "tokens",
  [BudgetUnit.CALLS]: "calls",
} as const;
const periods = {
  [BudgetPeriod.MINUTE]: "minute",
  [BudgetPeriod.HOUR]: "hour",
  [BudgetPeriod.DAY]: "day",
  [BudgetPeriod.MONTH]: "month",
  [BudgetPeriod.TOTAL]: "total",
} as const;

/** What a budget of billing's is called here. Throws an Error for a unit or period that is not known. */
export function namesOf({ unit, period }: Pick<Budget, "unit" | "period">) {
  const names = { unit: units[unit as keyof typeof units], period: periods[period as keyof typeof periods] };
  if (!names.unit || !names.period) throw new Error(`a budget of unit ${unit} and period ${period}`);
  return names;
}

/** When it starts anew; undefined for a total. */
export function resetAtOf({ resetAt }: Pick<Budget, "resetAt">): Date | undefined {
  return resetAt && timestampDate(resetAt);
}

/** An amount as a decimal string: money in units of the currency. */
export function formatAmount({ unit }: Pick<Budget, "unit">, amount: bigint): string {
  if (unit !== BudgetUnit.MONEY) return String(amount);
  const digits = String(amount < 0n ? -amount : amount).padStart(10, "0");
  const decimals = digits.slice(-9).replace(/0+$/, "");
  return `${amount < 0n ? "-" : ""}${digits.slice(0, -9)}${decimals && `.${decimals}`}`;
}
