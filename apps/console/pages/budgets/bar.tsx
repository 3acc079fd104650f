import { join } from "../../ui/join.ts";
import { type Budget, shareOf, useAmount } from "./budget.ts";
import { useBudgetTexts } from "./texts.ts";

/** How much of a budget is used and set aside, as a bar and in numbers. */
export function Bar({ budget }: { readonly budget: Budget }) {
  const t = useBudgetTexts();
  const amount = useAmount();
  const { unit, limit, used, reserved, remaining, alert_percents } = budget;
  const share = shareOf(budget);
  const warnAt = Math.min(...alert_percents.filter((percent) => percent > 50), 80) / 100;
  const setAside = Number(limit) === 0 ? 0 : Number(reserved) / Number(limit);
  const tone = share >= 1 ? "bg-bad" : share >= warnAt ? "bg-warn" : "bg-accent";
  const width = (part: number) => `${100 * Math.min(1, Math.max(0, part))}%`;
  const text = t("usedOf", { used: amount(used, unit), limit: amount(limit, unit) });
  return (
    <div className="w-36 md:w-56">
      <div className="flex flex-wrap justify-between gap-x-3 text-[13px] tabular-nums md:whitespace-nowrap">
        <span>{text}</span>
        <span className={share >= 1 ? "font-medium text-bad" : "text-ink-soft"}>
          <Percent share={share} />
        </span>
      </div>
      <div aria-hidden className="relative mt-1.5 h-1.5 overflow-hidden rounded-full bg-line">
        <div className="absolute inset-y-0 left-0 bg-line-strong/60" style={{ width: width(share + setAside) }} />
        <div className={join("absolute inset-y-0 left-0", tone)} style={{ width: width(share) }} />
      </div>
      <p className="mt-1 text-xs text-ink-soft tabular-nums">
        {t("left", { amount: amount(remaining, unit) })}
        {Number(reserved) > 0 && ` · ${t("setAside", { amount: amount(reserved, unit) })}`}
      </p>
    </div>
  );
}

function Percent({ share }: { readonly share: number }) {
  const percent = Math.floor(100 * share);
  return <>{share > 0 && percent === 0 ? "<1%" : `${percent}%`}</>;
}
