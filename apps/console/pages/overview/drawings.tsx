import { useLanguage } from "../../app/language.ts";
import { Chart } from "../../ui/chart.tsx";
import { Card } from "../../ui/page-parts.tsx";
import { SeriesDot, Shares } from "../../ui/shares.tsx";
import { formatDuration, formatMoney } from "../../ui/values.tsx";
import { toSeries } from "./series.ts";
import {
  type Duration,
  type Measure,
  measureOf,
  type RangeName,
  type Sum,
  stepsOf,
  toDurationSeries,
  totalOf,
} from "./sums.ts";
import { useOverviewTexts } from "./texts.ts";

const listed = 7;

/** A measure over the range, told apart, with the range before drawn faintly. */
export function Drawing({
  measure,
  sums,
  before,
  range,
  by,
  nameOf,
}: {
  readonly measure: Measure;
  readonly sums: readonly Sum[];
  readonly before: readonly Sum[];
  readonly range: RangeName;
  readonly by: string;
  readonly nameOf: (id: string) => string;
}) {
  const t = useOverviewTexts();
  const format = useFormat();
  const steps = stepsOf(range, 0);
  const toPart = (sum: Sum, name: string) => ({
    ...{ start: sum.start, name, value: measureOf(sum, measure), calls: sum.calls },
  });
  const parts = sums.map((sum) => toPart(sum, nameOf(sum.group[by] ?? "")));
  const { ordered, series, toneOf } = toSeries(parts, steps, t("others"));
  const past = toSeries(
    before.map((sum) => toPart(sum, "")),
    stepsOf(range, 1),
    "",
  ).series[0];
  const total = totalOf(sums, measure);
  const title = t(measure === "errors" ? "errorCount" : measure);
  return (
    <Card className="grid gap-x-6 p-5 lg:grid-cols-[1fr_15rem]">
      <div className="min-w-0">
        <h2 className="mb-2 font-semibold">{title}</h2>
        <Chart
          label={`${title}: ${format(total, measure)}`}
          times={steps}
          series={series}
          format={(value) => format(value, measure)}
          kind={range === "month" ? "bar" : "area"}
          {...(past && { comparison: { ...past, name: t("before") } })}
        />
      </div>
      <div className="mt-4 lg:mt-8">
        <Shares
          shares={ordered.slice(0, listed).map(([name, value]) => ({
            ...{ name, text: format(value, measure), part: total === 0 ? 0 : value / total, tone: toneOf(name) },
          }))}
        />
      </div>
    </Card>
  );
}

/** How long calls took over the range: the median and the 95th percentile, with that of the range before. */
export function DurationDrawing({
  duration,
  sums,
  before,
  range,
  language,
}: {
  readonly duration: Duration;
  readonly sums: readonly Sum[];
  readonly before: readonly Sum[];
  readonly range: RangeName;
  readonly language: string;
}) {
  const t = useOverviewTexts();
  const steps = stepsOf(range, 0);
  const names = { p50: t("p50"), p95: t("p95") };
  const series = toDurationSeries(sums, steps, duration, names);
  const [, past] = toDurationSeries(before, stepsOf(range, 1), duration, names);
  const title = t(duration === "latency_ms" ? "latencyTitle" : "firstTokenTitle");
  return (
    <Card className="min-w-0 p-5">
      <div className="mb-2 flex flex-wrap items-baseline justify-between gap-x-4">
        <h2 className="font-semibold">{title}</h2>
        <ul className="flex gap-4 text-xs text-ink-soft">
          {series.map(({ name }, at) => (
            <li key={name} className="flex items-center gap-1.5">
              <SeriesDot tone={at} />
              {name}
            </li>
          ))}
        </ul>
      </div>
      <Chart
        label={title}
        times={steps}
        series={series}
        format={(value) => formatDuration(value, language)}
        kind="line"
        {...(past && { comparison: { ...past, name: `${t("p95")}, ${t("before")}` } })}
      />
    </Card>
  );
}

function useFormat(): (value: number, measure: Measure) => string {
  const language = useLanguage();
  const short = new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 });
  return (value, measure) =>
    measure === "spend" ? formatMoney(BigInt(Math.round(value)), language) : short.format(value);
}
