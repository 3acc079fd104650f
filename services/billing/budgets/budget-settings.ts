import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { parseNanos } from "../model.ts";
import { budgetFields, maxLimitsPerUser } from "./budget-fields.ts";
import type { BudgetLimit, BudgetUnit } from "./model.ts";

const amountPattern = /^\d{1,9}(\.\d{1,9})?$|^\d{1,18}$/;

const defaultLimit = z.strictObject({
  unit: budgetFields.unit.describe("What is counted: money, tokens or calls."),
  limit: z
    .string()
    .regex(
      amountPattern,
      inBothLanguages("must be a decimal number such as 25 or 0.50", "必须是十进制数，例如 25 或 0.50"),
    )
    .describe("In units of the currency, tokens or calls."),
  period: budgetFields.period.describe("For how long the limit holds before it begins anew; `total` for ever."),
  timeZone: budgetFields.timeZone.default("UTC").describe("In whose days the period begins, such as Asia/Shanghai."),
  resetDay: budgetFields.resetDay.default(1).describe("The day on which a month begins."),
});

/** Keys of section `billing` that are about budgets. */
export const budgetSettings = {
  defaultUserQuota: z
    .array(
      defaultLimit.refine(
        ({ unit, limit }) => toAmount(unit, limit) !== undefined,
        inBothLanguages("has a limit that is no amount of its unit", "限额与其单位不符"),
      ),
    )
    .max(maxLimitsPerUser)
    .default([])
    .describe("Limits of every person whose quota nobody has set, in force from the person's first call on."),
  budgetAlertPercents: budgetFields.alertPercents
    .prefault([50, 80, 100])
    .describe("At which parts of a budget billing.budget.threshold_reached is said, where the budget does not say."),
};

/** Nanos of a decimal string for money, else a whole number; undefined when it is not one. */
export function toAmount(unit: BudgetUnit, text: string): bigint | undefined {
  if (unit === "money") return parseNanos(text);
  return /^\d{1,18}$/.test(text) ? BigInt(text) : undefined;
}

/** The default quota as limits. */
export function toDefaultLimits(settings: {
  readonly defaultUserQuota: readonly z.output<typeof defaultLimit>[];
  readonly budgetAlertPercents: readonly number[];
}): readonly BudgetLimit[] {
  return settings.defaultUserQuota.map(({ limit, ...calendar }) => ({
    ...calendar,
    limit: toAmount(calendar.unit, limit) ?? 0n,
    alertPercents: settings.budgetAlertPercents,
  }));
}
