import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { BudgetLimit } from "./model.ts";

/** Throws `kit.invalid_request` where two limits are about the same unit and period: only one of them could hold. */
export function requireEachOnce(limits: readonly Pick<BudgetLimit, "unit" | "period">[]): void {
  const names = new Set(limits.map(({ unit, period }) => `${unit} ${period}`));
  if (names.size === limits.length) return;
  throw new Failure(kitFailures.invalid_request, {
    field: "limits",
    reason: "has two limits of the same unit and period",
    reason_zh_CN: "包含单位和周期相同的两个限额",
  });
}
