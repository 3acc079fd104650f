import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChartNoAxesColumn } from "lucide-react";
import { useLanguage } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { useSearchState } from "../../app/search.ts";
import { buttonClass } from "../../ui/button.tsx";
import { Chart } from "../../ui/chart.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Card, EmptyState, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { formatMoney } from "../../ui/values.tsx";
import { Figure } from "./figure.tsx";
import { Latest } from "./latest.tsx";
import { loadSums, type Measure, type RangeName, ranges, type Sum, stepsOf, toSeries, totalOf } from "./sums.ts";
import { useOverviewTexts } from "./texts.ts";

const measures = ["spend", "calls", "tokens"] as const;
const groups = ["model", "key", "user", "provider"] as const;

/** What calls cost and how they went: by model, key, person or provider, against the range before. */
export function Page() {
  const t = useOverviewTexts();
  const [search, setSearch] = useSearchState();
  const range = search["range"] && search["range"] in ranges ? (search["range"] as RangeName) : "day";
  const by = groups.find((one) => one === search["by"]) ?? "model";
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={
          <>
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

function Sums({ range, by }: { readonly range: RangeName; readonly by: string }) {
  const t = useOverviewTexts();
  const format = useFormat();
  const load = (back: number) => ({
    queryKey: ["usage-sums", range, back === 0 ? by : "", back],
    queryFn: ({ signal }: { readonly signal: AbortSignal }) => loadSums(range, back === 0 ? by : "", back, signal),
    placeholderData: keepPreviousData,
    refetchInterval: back === 0 ? ranges[range].refreshMs : (false as const),
  });
  const { data: sums, error, refetch } = useQuery(load(0));
  const { data: before = [] } = useQuery(load(1));
  if (error && !sums) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!sums) return <Loading />;
  if (sums.length === 0) {
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
  const drawn = measures.map((measure) => ({ measure, total: totalOf(sums, measure), past: totalOf(before, measure) }));
  return (
    <div className="space-y-4">
      <dl className="grid grid-cols-2 gap-3 lg:grid-cols-3 xl:grid-cols-6">
        {drawn.map(({ measure, total, past }) => (
          <Figure
            key={measure}
            name={t(measure)}
            value={format(total, measure)}
            note={<Change now={total} past={past} />}
          />
        ))}
        <Latest />
      </dl>
      {measures.map((measure) => (
        <Drawing key={measure} {...{ measure, sums, before, range, by }} />
      ))}
    </div>
  );
}

function Change({ now, past }: { readonly now: number; readonly past: number }) {
  const t = useOverviewTexts();
  const language = useLanguage();
  if (past === 0) return <>–</>;
  const share = (now - past) / past;
  const format = new Intl.NumberFormat(language, {
    style: "percent",
    maximumFractionDigits: 0,
    signDisplay: "exceptZero",
  });
  return <>{Math.abs(share) < 0.005 ? t("same") : `${format.format(share)} · ${t("before")}`}</>;
}

function useFormat(): (value: number, measure: Measure) => string {
  const language = useLanguage();
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  return (value, measure) =>
    measure === "spend" ? formatMoney(BigInt(Math.round(value)), language) : short.format(value);
}

function Drawing({
  measure,
  sums,
  before,
  range,
  by,
}: {
  readonly measure: Measure;
  readonly sums: readonly Sum[];
  readonly before: readonly Sum[];
  readonly range: RangeName;
  readonly by: string;
}) {
  const t = useOverviewTexts();
  const format = useFormat();
  const steps = stepsOf(range, 0);
  const { ordered, series } = toSeries(sums, steps, by, measure, { others: t("others"), unknown: t("unknown") });
  const [past] = toSeries(before, stepsOf(range, 1), "", measure, { others: "", unknown: t("before") }).series;
  const total = totalOf(sums, measure);
  return (
    <Card className="grid gap-x-6 p-5 lg:grid-cols-[1fr_15rem]">
      <div className="min-w-0">
        <h2 className="mb-2 font-semibold">{t(measure)}</h2>
        <Chart
          label={`${t(measure)}: ${format(total, measure)}`}
          times={steps}
          series={series}
          format={(value) => format(value, measure)}
          kind={range === "month" ? "bar" : "area"}
          {...(past && { comparison: { ...past, name: t("before") } })}
        />
      </div>
      <ul className="mt-4 space-y-2.5 text-[13px] lg:mt-8">
        {ordered.slice(0, 7).map(([name, value]) => (
          <li key={name}>
            <div className="flex justify-between gap-3">
              <span className="truncate">{name}</span>
              <span className="text-ink-soft tabular-nums">{format(value, measure)}</span>
            </div>
            <div aria-hidden className="mt-1 h-1 overflow-hidden rounded-full bg-sunken">
              <div
                className="h-full rounded-full bg-accent"
                style={{ width: `${total === 0 ? 0 : (100 * value) / total}%` }}
              />
            </div>
          </li>
        ))}
      </ul>
    </Card>
  );
}
