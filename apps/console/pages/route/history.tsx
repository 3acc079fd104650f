import { useQueryClient } from "@tanstack/react-query";
import { RotateCcw } from "lucide-react";
import { useState } from "react";
import { type ListRouteVersionsResponse, listRouteVersions, putRoute } from "../../api/gen/client.ts";
import { FeedbackSums, useFeedbackSums } from "../../app/feedback/sums.tsx";
import { useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Badge, Card } from "../../ui/page-parts.tsx";
import { useStrategyTexts } from "../../ui/strategies.ts";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { usePages } from "../../ui/use-pages.tsx";
import { Time } from "../../ui/values.tsx";
import { nameOfPlace, type Route, type RouteSettings, toBody, toDraft } from "./draft.ts";
import { useRouteTexts } from "./texts.ts";

type Version = ListRouteVersionsResponse["data"][number];

/** What a route was before, each to be put back. */
export function History({ route: { name, version: current } }: { readonly route: Route }) {
  const t = useRouteTexts();
  const strategyName = useStrategyTexts();
  const mayChange = useCan()("provider:create");
  const { rows, more } = usePages(["route-versions", name], (cursor, signal) =>
    listRouteVersions({ path: { name }, query: { limit: 20, cursor } }, { signal }),
  );
  const sums = useFeedbackSums({ by: "route", route: name });
  if (!rows) return null;
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("history")}</h2>
      <p className="mt-0.5 text-[13px] text-ink-soft">{t("historyHint")}</p>
      <ul className="mt-3 divide-y divide-line">
        {rows.map((version) => (
          <li key={version.version} className="flex items-center justify-between gap-3 py-2.5">
            <div className="min-w-0">
              <p className="flex items-center gap-2 text-[13px] font-medium">
                {t("version", { number: version.version })}
                {version.version === current && <Badge tone="good">{t("current")}</Badge>}
                <span className="font-normal text-ink-soft">
                  <Time at={version.updated_at} />
                </span>
              </p>
              <p className="mt-0.5 text-xs wrap-break-word text-ink-soft">{`${strategyName(version.strategy)}: ${targetsOf(version)}`}</p>
              <FeedbackSums sums={sums.filter((sum) => sum.route_version === version.version)} />
            </div>
            {mayChange && version.version !== current && <PutBack {...{ name, version, current }} />}
          </li>
        ))}
      </ul>
      {more}
    </Card>
  );
}

/** Of what was, nothing is known of how it did. */
function toSettings(version: Version): RouteSettings {
  const { object: _object, version: _version, updated_at: _updatedAt, targets, ...settings } = version;
  return { ...settings, targets: targets.map((target) => ({ ...target, health: null })) };
}

function targetsOf(version: Version): string {
  return toDraft(toSettings(version))
    .targets.map(({ place }) => nameOfPlace(place))
    .join(" · ");
}

function PutBack({
  name,
  version,
  current,
}: {
  readonly name: string;
  readonly version: Version;
  readonly current: number;
}) {
  const t = useRouteTexts();
  const cache = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const putBack = async () => {
    setBusy(true);
    try {
      const body = toBody(toDraft(toSettings(version)));
      const put = await putRoute({ path: { name }, header: { "If-Match": `"${current}"` }, body });
      cache.setQueryData(["route", name], put);
      await cache.invalidateQueries({ queryKey: ["route-versions", name] });
      toast(t("wasPutBack", { number: version.version }));
    } catch (err) {
      toastProblem(err);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button size="small" isBusy={isBusy} onClick={putBack}>
      {!isBusy && <RotateCcw aria-hidden className="size-3.5" />}
      {t("putBack")}
    </Button>
  );
}
