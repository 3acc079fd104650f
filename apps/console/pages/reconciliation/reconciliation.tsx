import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft } from "lucide-react";
import type { ReactNode } from "react";
import { getReconciliation, type ReconcileProviderResponse } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { has } from "../../ui/narrow-here.ts";
import { Badge, Card, EmptyState, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Day, Days, Money, Quantity, Time, toUnits } from "../../ui/values.tsx";
import { useReconciliationTexts } from "./texts.ts";

type Difference = ReconcileProviderResponse["differences"][number];

const tones = { matched: "good", drift: "bad", unknown: "warn" } as const;
const states = ["drift", "unknown", "matched"] as const;

/** One report of a provider beside what was recorded, by day and model. */
export function Page() {
  const t = useReconciliationTexts();
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  const { data, error, refetch } = useQuery({
    queryKey: ["reconciliation", id],
    queryFn: ({ signal }) => getReconciliation({ path: { id } }, { signal }),
  });
  return (
    <>
      <Link
        to={paths.reconciliations()}
        className="mb-2 inline-flex items-center gap-1 text-sm text-ink-soft hover:text-ink"
      >
        <ArrowLeft aria-hidden className="size-4" />
        {t("back")}
      </Link>
      <PageHeader
        title={data ? t("title", { provider: data.provider }) : t("report")}
        description={
          data && (
            <span className="flex flex-wrap items-center gap-2">
              <Badge tone={tones[data.state]}>{t(`state.${data.state}`)}</Badge>
              <Days from={data.from_day} to={data.to_day} /> (UTC) · <Time at={data.created_at} />
            </span>
          )
        }
      />
      {error && !data && <ProblemNote problem={error} onRetry={() => void refetch()} />}
      {!error && !data && <Loading />}
      {data && <Sums report={data} />}
      {data && <Differences report={data} />}
    </>
  );
}

function Sums({ report }: { readonly report: ReconcileProviderResponse }) {
  const t = useReconciliationTexts();
  const { currency } = report;
  const money = (nanos: string) => <Money nanos={nanos} currency={currency} />;
  return (
    <Card className="mb-6 p-5">
      <dl className="grid grid-cols-2 gap-x-6 gap-y-4 md:grid-cols-3">
        <Fact name={t("reported")}>{money(report.reported_nanos)}</Fact>
        <Fact name={t("recorded")}>{money(report.recorded_nanos)}</Fact>
        <Fact name={t("drift")}>{money(report.drift_nanos)}</Fact>
        <Fact name={t("corrected")}>
          <Quantity value={report.corrected_attempts} />
        </Fact>
        <Fact name={t("refunded")}>{money(report.refunded_nanos)}</Fact>
        <Fact name={t("charged")}>{money(report.charged_nanos)}</Fact>
      </dl>
    </Card>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }) {
  return (
    <div className="min-w-0">
      <dt className="text-xs font-medium text-ink-soft">{name}</dt>
      <dd className="mt-0.5 font-medium wrap-anywhere">{children}</dd>
    </div>
  );
}

function Differences({ report }: { readonly report: ReconcileProviderResponse }) {
  const t = useReconciliationTexts();
  return (
    <DataTable
      name={`reconciliation-${report.id}`}
      columns={useColumns(report.currency)}
      rowKey={({ day, model, account }) => `${day} ${model} ${account}`}
      searchField="q"
      load={async ({ state, q }) => ({
        data: report.differences.filter(
          (one) => (state === undefined || one.state === state) && has([one.day, one.model, one.account], q),
        ),
        next_cursor: null,
      })}
      filters={[{ name: "state", label: t("state"), options: states.map((one) => [one, t(`state.${one}`)] as const) }]}
      empty={<EmptyState title={t("emptyTitle")}>{t("empty")}</EmptyState>}
    />
  );
}

function useColumns(currency: string): readonly Column<Difference>[] {
  const t = useReconciliationTexts();
  const money = (id: "reported" | "recorded", nanos: (row: Difference) => string): Column<Difference> => ({
    ...{ id, title: t(id), align: "end", csv: (row) => toUnits(BigInt(nanos(row))) },
    sort: (row) => Number(nanos(row)),
    cell: (row) => <Money nanos={nanos(row)} currency={currency} />,
  });
  const stateOf = ({ state }: Pick<Difference, "state">) => <Badge tone={tones[state]}>{t(`state.${state}`)}</Badge>;
  return [
    {
      ...{ id: "day", title: t("day"), csv: ({ day }) => day, sort: ({ day }) => day, isMinor: true },
      cell: ({ day }) => (
        <span className="whitespace-nowrap">
          <Day day={day} />
        </span>
      ),
    },
    {
      ...{ id: "model", title: t("model"), csv: ({ model }) => model, sort: ({ model }) => model },
      cell: ({ day, model, account, ...row }) => (
        <>
          <span className="block text-xs text-ink-soft md:hidden">
            <Day day={day} />
          </span>
          <code className="font-mono text-[13px] wrap-break-word">{model}</code>
          {account !== "" && <span className="block text-xs text-ink-soft">{account}</span>}
          <span className="mt-1 block md:hidden">{stateOf(row)}</span>
        </>
      ),
    },
    {
      ...{ id: "state", title: t("state"), csv: ({ state }) => t(`state.${state}`), isMinor: true },
      cell: stateOf,
    },
    money("reported", (row) => row.reported_nanos),
    money("recorded", (row) => row.recorded_nanos),
    {
      ...{ id: "tokens", title: t("tokens"), align: "end", isMinor: true },
      csv: (row) => `${row.reported_tokens} / ${row.recorded_tokens}`,
      cell: (row) => (
        <span className="whitespace-nowrap">
          <Quantity value={row.reported_tokens} /> / <Quantity value={row.recorded_tokens} />
        </span>
      ),
    },
    {
      ...{ id: "open", title: t("open"), align: "end", isMinor: true },
      csv: (row) => `${row.unknown_attempts} / ${row.estimated_attempts}`,
      cell: (row) => (
        <span className="whitespace-nowrap">
          <Quantity value={row.unknown_attempts} /> / <Quantity value={row.estimated_attempts} />
        </span>
      ),
    },
  ];
}
