import type { Tx } from "@lyss/kit/db/database.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "../deps.ts";

export interface BudgetAlert {
  readonly userId: string;
  readonly tenantId: string;
  readonly unit: "money" | "tokens" | "calls";
  readonly period: "day" | "month" | "total";
  readonly percent: number;
  /** When it starts anew; undefined for a total. */
  readonly resetAt: Date | undefined;
}

const units = {
  en_US: { money: "money", tokens: "tokens", calls: "calls" },
  zh_CN: { money: "金额", tokens: "令牌", calls: "调用次数" },
} as const;
const periods = {
  en_US: { day: "a day", month: "a month", total: "in total" },
  zh_CN: { day: "每日", month: "每月", total: "总计" },
} as const;
const never = { en_US: "never", zh_CN: "不重置" } as const;

/** Writes to a person that a budget of theirs has reached a mark, if they are active and want such mails. */
export async function alertBudget(
  { profiles, writer }: Pick<UserDeps, "profiles" | "writer">,
  tx: Tx,
  { userId, tenantId, unit, period, percent, resetAt }: BudgetAlert,
): Promise<void> {
  const person = await profiles.readProfile(tx, userId);
  if (person?.tenantId !== tenantId || person.status !== "active" || !person.mailsBudgetAlerts) return;
  const { locale, timeZone } = person;
  await writer.tell(tx, "budgetReached", person, {
    ...{ percent: String(percent), unit: units[locale][unit], period: periods[locale][period] },
    reset: resetAt ? formatTime(resetAt, locale, timeZone) : never[locale],
  });
}

/** As people of the language write it, in the person's own zone. */
function formatTime(time: Date, locale: Locale, timeZone: string): string {
  const style = { dateStyle: "long", timeStyle: "long", timeZone } as const;
  return new Intl.DateTimeFormat(locale.replace("_", "-"), style).format(time);
}
