import { useLanguage } from "../../app/language.ts";
import { Badge } from "../../ui/page-parts.tsx";
import { hasConditions, nameOfPlace, type RouteDraft, type TargetDraft } from "./draft.ts";
import { useRouteTexts } from "./texts.ts";

const shares: readonly RouteDraft["strategy"][] = ["weighted", "experiment"];

/** What a route does, drawn: its stages, and in each who comes first or who gets which part. */
export function Flow({ draft, places }: { readonly draft: RouteDraft; readonly places: ReadonlySet<string> }) {
  const t = useRouteTexts();
  const stages = [...Map.groupBy(draft.targets, ({ priority }) => Number(priority) || 0)].sort(([a], [b]) => a - b);
  return (
    <ol className="space-y-3">
      {stages.map(([stage, targets]) => (
        <li key={stage}>
          {stages.length > 1 && (
            <p className="mb-1.5 text-xs font-medium text-ink-soft">{t("stage", { number: stage })}</p>
          )}
          <ul className="space-y-1.5">
            {targets.map((target, at) => (
              <li key={target.id} className="rounded-lg border border-line bg-canvas px-3 py-2">
                <div className="flex items-center justify-between gap-3">
                  <span className="min-w-0 font-mono text-[13px] wrap-anywhere">{nameOfPlace(target.place)}</span>
                  <span className="flex shrink-0 gap-1.5">
                    {!places.has(target.place) && <Badge tone="bad">{t("missing")}</Badge>}
                    {hasConditions(target) && <Badge tone="accent">{t("onlySome")}</Badge>}
                    {draft.strategy === "fallback" && <Badge>{at === 0 ? t("first") : t("next")}</Badge>}
                  </span>
                </div>
                {shares.includes(draft.strategy) && <Share target={target} among={targets} />}
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}

/** Of the calls that all of a stage are open to. */
function Share({ target, among }: { readonly target: TargetDraft; readonly among: readonly TargetDraft[] }) {
  const language = useLanguage();
  const weightOf = ({ weight }: TargetDraft) => Math.max(0, Number(weight) || 0);
  const whole = among.reduce((sum, one) => sum + weightOf(one), 0);
  const share = whole === 0 ? 0 : weightOf(target) / whole;
  const text = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(share);
  return (
    <div className="mt-1.5 flex items-center gap-2">
      <div className="h-1.5 flex-1 overflow-hidden rounded-full bg-sunken">
        <div className="h-full rounded-full bg-accent" style={{ width: `${share * 100}%` }} />
      </div>
      <span className="w-14 text-right text-xs text-ink-soft tabular-nums">{text}</span>
    </div>
  );
}
