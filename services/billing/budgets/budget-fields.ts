import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { budgetPeriods, budgetUnits, scopeKinds } from "./model.ts";

/** What a limit may be: a billion units of a currency, or as many tokens or calls as nobody makes. */
export const maxLimit = 10n ** 18n;
export const maxAlerts = 10;
export const maxLimitsPerUser = budgetUnits.length * budgetPeriods.length;

/** Bounds of what callers and the configuration may enter. */
export const budgetFields = {
  scopeKind: z.enum(scopeKinds),
  scopeId: z.string().min(1).max(64),
  unit: z.enum(budgetUnits),
  period: z.enum(budgetPeriods),
  timeZone: z
    .string()
    .max(64)
    .refine(
      isTimeZone,
      inBothLanguages(
        "must be the IANA name of a time zone, such as Asia/Shanghai",
        "必须是 IANA 时区名，例如 Asia/Shanghai",
      ),
    ),
  resetDay: z.int().min(1).max(28),
  alertPercents: z.array(z.int().min(1).max(100)).min(1).max(maxAlerts).transform(inOrder),
};

function isTimeZone(name: string): boolean {
  try {
    Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name);
    return true;
  } catch {
    return false;
  }
}

/** Ascending, each once. */
function inOrder(percents: readonly number[]): readonly number[] {
  return [...new Set(percents)].sort((a, b) => a - b);
}
