import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type ListUsageSummaryResponse, listUsageSummary } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { Chart } from "../../ui/chart.tsx";
import { Card, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Shares } from "../../ui/shares.tsx";
import { formatMoney } from "../../ui/values.tsx";
import { daysOf, formatMonth, rangeOf } from "./months.ts";
import { useWalletTexts } from "./texts.ts";

type Sum = ListUsageSummaryResponse["data"][number];

const maxModels = 6;
const maxPages = 5;

/** What calls of a month cost, by day and model. */
export function Month({ month }: { readonly month: string }) {
  const t = useWalletTexts();
  const language = useLanguage();
  const { data, error, refetch } = useQuery({
    queryKey: ["wallet-month", month],
    queryFn: ({ signal }) => loadSums(month, signal),
    placeholderData: keepPreviousData,
  });
  if (error && !data) return <ProblemNote problem={error} onRetry={() => void refetch()} />;
  if (!data) return <Loading />;
  const { days, totals, others, totalNanos, calls } = addUp(data, month);
  const format = (nanos: number) => formatMoney(BigInt(Math.round(nanos)), language);
  const total = format(totalNanos);
  const series = [...totals.slice(0, maxModels), ...(others ? [{ ...others, model: t("others") }] : [])];
  return (
    <Card className="grid gap-x-6 p-5 lg:grid-cols-[1fr_16rem]">
      <div className="min-w-0">
        <h3 className="text-[13px] text-ink-soft">{t("spent")}</h3>
        <p className="mb-2 flex flex-wrap items-baseline gap-x-3">
          <span className="text-xl font-semibold tracking-tight tabular-nums">{total}</span>
          <span className="text-[13px] text-ink-soft tabular-nums">{t("calls", { count: calls })}</span>
        </p>
        <Chart
          label={t("chart", { month: formatMonth(month, language), total })}
          kind="bar"
          times={calls === 0 ? [] : days}
          series={series.map(({ model, values }) => ({ name: model, values }))}
          format={format}
          heightPx={180}
        />
        <p className="mt-1 text-xs text-ink-soft">{t("utcNote")}</p>
      </div>
      <div className="mt-4 lg:mt-1">
        <Shares
          shares={series.map(({ model, nanos }, tone) => ({
            ...{ name: model, text: format(nanos), part: totalNanos === 0 ? 0 : nanos / totalNanos, tone },
          }))}
        />
      </div>
    </Card>
  );
}

async function loadSums(month: string, signal: AbortSignal): Promise<readonly Sum[]> {
  const rows: Sum[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const query = { ...rangeOf(month), unit: "day", group_by: "model", limit: 1_000, cursor } as const;
    const answer = await listUsageSummary({ query }, { signal });
    rows.push(...answer.data);
    if (answer.next_cursor === null) break;
    cursor = answer.next_cursor;
  }
  return rows;
}

interface ModelSum {
  readonly model: string;
  readonly nanos: number;
  readonly values: readonly number[];
}

/** For a drawing: exact amounts stand in the entries. */
function addUp(rows: readonly Sum[], month: string) {
  const days = daysOf(month);
  const places = new Map(days.map((day, index) => [new Date(day).getTime(), index]));
  const values = new Map<string, number[]>();
  for (const { start, group, cost_nanos } of rows) {
    const place = places.get(new Date(start).getTime());
    if (place === undefined) continue;
    const line = values.get(group["model"] ?? "") ?? days.map(() => 0);
    line[place] = (line[place] ?? 0) + Number(cost_nanos);
    values.set(group["model"] ?? "", line);
  }
  const sumOf = (line: readonly number[]) => line.reduce((sum, value) => sum + value, 0);
  const totals = [...values]
    .map(([model, line]): ModelSum => ({ model, nanos: sumOf(line), values: line }))
    .sort((a, b) => b.nanos - a.nanos);
  const rest = totals.slice(maxModels);
  const others = rest.length > 0 && {
    nanos: sumOf(rest.map(({ nanos }) => nanos)),
    values: days.map((_, index) => sumOf(rest.map((one) => one.values[index] ?? 0))),
  };
  const totalNanos = sumOf(totals.map(({ nanos }) => nanos));
  return { days, totals, others, totalNanos, calls: sumOf(rows.map((row) => row.calls)) };
}
