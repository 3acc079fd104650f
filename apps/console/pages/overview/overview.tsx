import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChartNoAxesColumn } from "lucide-react";
import { useLanguage } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { useListNames } from "../../app/people/use-list-names.ts";
import { useSearchState } from "../../app/search.ts";
import { useLive } from "../../app/use-live.ts";
import { buttonClass } from "../../ui/button.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Badge, Card, EmptyState, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Drawing, DurationDrawing } from "./drawings.tsx";
import { type GroupName, groups, loadSums, loadTotals, type RangeName, ranges } from "./sums.ts";
import { useOverviewTexts } from "./texts.ts";
import { TotalFigures, TotalTable } from "./totals.tsx";

const measures = ["spend", "calls", "errors", "tokens"] as const;
/** All that is asked for here stands under this. */
const usageKey = ["overview"] as const;

/** What calls cost and how they went: by model, key, person, group or provider, against the range before. */
export function Page() {
  const t = useOverviewTexts();
  const [search, setSearch] = useSearchState();
  const isLive = useLive(usageKey);
  const range = search["range"] && search["range"] in ranges ? (search["range"] as RangeName) : "day";
  const by = groups.find((one) => one === search["by"]) ?? "model";
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={
          <>
            <span className="flex h-8 items-center">
              <Badge tone={isLive ? "good" : "neutral"}>{t(isLive ? "live" : "paused")}</Badge>
            </span>
            <Choice
              label={t("by")}
              value={by}
              options={groups.map((one) => [one, t(`by.${one}`)])}
              onChange={(value) => setSearch({ by: value })}
            />
            <Choice
              label={t("range")}
              value={range}
              options={(Object.keys(ranges) as RangeName[]).map((one) => [one, t(`range.${one}`)])}
              onChange={(value) => setSearch({ range: value })}
            />
          </>
        }
      />
      <Sums range={range} by={by} />
    </>
  );
}

/** Asked for again when something is recorded, and not before. */
function useSums(range: RangeName, by: GroupName | "", back: number) {
  return useQuery({
    queryKey: [...usageKey, "sums", range, by, back],
    queryFn: ({ signal }) => loadSums(range, by, back, signal),
    placeholderData: keepPreviousData,
  });
}

function Sums({ range, by }: { readonly range: RangeName; readonly by: GroupName }) {
  const t = useOverviewTexts();
  const language = useLanguage();
  const { names } = useListNames(by);
  const totals = useQuery({
    queryKey: [...usageKey, "totals", range, by],
    queryFn: ({ signal }) => loadTotals(range, by, signal),
    placeholderData: keepPreviousData,
  });
  const { data: sums } = useSums(range, by, 0);
  const { data: all = [] } = useSums(range, "", 0);
  const { data: before = [] } = useSums(range, "", 1);
  if (totals.error && !totals.data) return <ProblemNote problem={totals.error} onRetry={() => void totals.refetch()} />;
  if (!totals.data || !sums) return <Loading />;
  if (totals.data.total.current.calls === 0) return <Nothing />;
  const nameOf = (id: string) => (names.get(id) ?? id) || t("unknown");
  return (
    <div className="space-y-4">
      <TotalFigures total={totals.data.total} />
      <TotalTable totals={totals.data} by={t(`by.${by}`)} nameOf={nameOf} />
      {measures.map((measure) => (
        <Drawing key={measure} {...{ measure, sums, before, range, by, nameOf }} />
      ))}
      <div className="grid gap-4 xl:grid-cols-2">
        {(["latency_ms", "first_token_ms"] as const).map((duration) => (
          <DurationDrawing key={duration} {...{ duration, sums: all, before, range, language }} />
        ))}
      </div>
    </div>
  );
}

function Nothing() {
  const t = useOverviewTexts();
  const action = (
    <Link to={paths.start()} className={buttonClass("primary")}>
      {t("start")}
    </Link>
  );
  return (
    <Card>
      <EmptyState icon={<ChartNoAxesColumn aria-hidden className="size-5" />} title={t("emptyTitle")} action={action}>
        {t("empty")}
      </EmptyState>
    </Card>
  );
}
