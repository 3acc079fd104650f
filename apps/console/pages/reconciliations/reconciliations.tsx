import { Link, useNavigate } from "@tanstack/react-router";
import { Scale } from "lucide-react";
import { type ListReconciliationsResponse, listReconciliations } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Days, Money, Quantity, Time, toUnits } from "../../ui/values.tsx";
import { Compare } from "./compare.tsx";
import { useReconciliationsTexts } from "./texts.ts";
import { useProviders } from "./use-providers.ts";

type Reconciliation = ListReconciliationsResponse["data"][number];

/** Providers' own reports, beside what was recorded here. */
export function Page() {
  const t = useReconciliationsTexts();
  const navigate = useNavigate();
  const providers = useProviders();
  const { open, setOpen, close, changed } = useListDialog<"compare">("reconciliations");
  const compare = <AddButton text={t("compare")} onClick={() => setOpen("compare")} />;
  const done = async (id: string) => {
    await changed();
    await navigate({ to: paths.reconciliation(id) });
  };
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={compare} />
      <DataTable
        name="reconciliations"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadReconciliations}
        searchField="q"
        filters={[
          { name: "provider", label: t("provider"), options: providers.map((one) => [one, one] as const) },
          { name: "state", label: t("state"), options: states.map((one) => [one, t(`state.${one}`)] as const) },
        ]}
        onOpen={({ id }) => void navigate({ to: paths.reconciliation(id) })}
        empty={
          <EmptyState icon={<Scale aria-hidden className="size-5" />} title={t("emptyTitle")} action={compare}>
            {t("empty")}
          </EmptyState>
        }
      />
      {open && <Compare onClose={close} onDone={done} />}
    </>
  );
}

const states = ["matched", "drift", "unknown"] as const satisfies readonly Reconciliation["state"][];

const tones = { matched: "good", drift: "bad", unknown: "warn" } as const;

const loadReconciliations = narrowHere(
  ["q", "state"],
  (query, signal) => listReconciliations({ query: { limit: 50, ...query } as never }, { signal }),
  (one: Reconciliation, { q, state }) =>
    has([one.provider, one.from_day, one.to_day], q) && (!state || one.state === state),
);

function useColumns(): readonly Column<Reconciliation>[] {
  const t = useReconciliationsTexts();
  const money = (
    id: "reported" | "recorded" | "drift",
    nanos: (row: Reconciliation) => string,
    isMinor = false,
  ): Column<Reconciliation> => ({
    ...{ id, title: t(id), align: "end", isMinor, csv: (row) => toUnits(BigInt(nanos(row))) },
    sort: (row) => Number(nanos(row)),
    cell: (row) => <Money nanos={nanos(row)} currency={row.currency} />,
  });
  return [
    {
      ...{ id: "when", title: t("when"), csv: (row) => row.created_at, sort: (row) => row.created_at },
      cell: (row) => (
        <Link
          to={paths.reconciliation(row.id)}
          className="font-medium whitespace-nowrap underline-offset-2 hover:underline"
          onClick={(event) => event.stopPropagation()}
        >
          <Time at={row.created_at} />
          <span className="block text-xs text-ink-soft md:hidden">{row.provider}</span>
        </Link>
      ),
    },
    {
      ...{ id: "provider", title: t("provider"), csv: (row) => row.provider, sort: (row) => row.provider },
      isMinor: true,
      cell: (row) => <span className="whitespace-nowrap">{row.provider}</span>,
    },
    {
      ...{ id: "state", title: t("state"), csv: (row) => t(`state.${row.state}`) },
      cell: ({ state }) => <Badge tone={tones[state]}>{t(`state.${state}`)}</Badge>,
    },
    {
      ...{ id: "days", title: t("days"), csv: (row) => `${row.from_day} – ${row.to_day}`, isMinor: true },
      cell: (row) => (
        <span className="whitespace-nowrap text-ink-soft">
          <Days from={row.from_day} to={row.to_day} />
        </span>
      ),
    },
    money("reported", (row) => row.reported_nanos),
    money("recorded", (row) => row.recorded_nanos, true),
    money("drift", (row) => row.drift_nanos, true),
    {
      ...{ id: "lines", title: t("lines"), align: "end", csv: (row) => row.lines, isMinor: true },
      cell: (row) => <Quantity value={row.lines} />,
    },
  ];
}
