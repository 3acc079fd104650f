import type { DryRunRouteResponse } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { join } from "../../ui/join.ts";
import { formatMoney, Money } from "../../ui/values.tsx";
import { useRouteTexts } from "./texts.ts";

/** What recorded calls would have cost by a route, and where they would have gone. */
export function DryRun({ run }: { readonly run: DryRunRouteResponse }) {
  const t = useRouteTexts();
  const language = useLanguage();
  if (run.calls === 0) return <p className="text-ink-soft">{t("noCalls")}</p>;
  const difference = BigInt(run.difference_nanos);
  const most = Math.max(1, ...run.targets.map(({ calls }) => calls));
  const notes = (["undecided", "unserved", "unpriced"] as const).filter((what) => run[`${what}_calls`] > 0);
  return (
    <div className="space-y-4">
      <dl className="grid grid-cols-3 gap-3">
        <Figure label={t("recorded")}>
          <Money nanos={run.recorded_nanos} />
        </Figure>
        <Figure label={t("would")}>
          <Money nanos={run.cost_nanos} />
        </Figure>
        <Figure label={t("difference")}>
          <span className={join("tabular-nums", difference < 0n && "text-good", difference > 0n && "text-bad")}>
            {difference > 0n && "+"}
            {formatMoney(difference, language)}
          </span>
        </Figure>
      </dl>
      <ul className="space-y-2">
        {run.targets.map(({ provider, model, calls, cost_nanos }) => (
          <li key={`${provider}/${model}`}>
            <div className="flex justify-between gap-3 text-[13px]">
              <span className="min-w-0 font-mono wrap-anywhere">
                {provider}/{model}
              </span>
              <span className="shrink-0 text-ink-soft tabular-nums">
                {t("share", { count: calls })} · <Money nanos={cost_nanos} />
              </span>
            </div>
            <div className="mt-1 h-1.5 overflow-hidden rounded-full bg-sunken">
              <div className="h-full rounded-full bg-accent" style={{ width: `${(100 * calls) / most}%` }} />
            </div>
          </li>
        ))}
      </ul>
      <p className="text-xs text-ink-soft">
        {[t("calls", { count: run.calls }), ...notes.map((what) => t(what, { count: run[`${what}_calls`] }))].join(
          " · ",
        )}
      </p>
    </div>
  );
}

function Figure({ label, children }: { readonly label: string; readonly children: React.ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-ink-soft">{label}</dt>
      <dd className="mt-0.5 text-base font-semibold">{children}</dd>
    </div>
  );
}
