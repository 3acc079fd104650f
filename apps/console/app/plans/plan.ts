import type { GetPlanResponse } from "../../api/gen/client.ts";
import { useLanguage } from "../language.ts";

/** What tenants are put on: a mark-up on every price that holds for all, and how much credit they may be given. */
export type Plan = GetPlanResponse;

/** A mark-up as people say it: `+12.5 %`. */
export function useMarkup(): (ppm: number) => string {
  const percent = new Intl.NumberFormat(useLanguage(), {
    ...{ style: "percent", maximumFractionDigits: 4, signDisplay: "exceptZero" },
  });
  return (ppm) => percent.format(ppm / 1_000_000);
}
