import { Link, useNavigate } from "@tanstack/react-router";
import { Layers } from "lucide-react";
import { listPlans } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { EditPlan } from "../../app/plans/edit-plan.tsx";
import { type Plan, useMarkup } from "../../app/plans/plan.ts";
import { usePlanTexts } from "../../app/plans/texts.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { fromUnits, Money, Quantity, Time } from "../../ui/values.tsx";

/** What tenants pay more or less than the price book says, by the plan that they are on. */
export function Page() {
  const t = usePlanTexts();
  const navigate = useNavigate();
  const { open, setOpen, close, changed } = useListDialog<"create">("plans");
  const create = <AddButton text={t("create")} onClick={() => setOpen("create")} />;
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="plans"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadPlans}
        searchField="q"
        filters={[{ name: "use", label: t("tenants"), options: uses.map((one) => [one, t(one)] as const) }]}
        onOpen={({ name }) => void navigate({ to: paths.plan(name) } as never)}
        empty={
          <EmptyState icon={<Layers aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
      />
      {open && <EditPlan onClose={close} onSaved={changed} />}
    </>
  );
}

const uses = ["used", "unused"] as const;

const loadPlans = narrowHere(
  ["q", "use"],
  (query, signal) => listPlans({ query: { limit: 50, ...query } as never }, { signal }),
  ({ name, description, tenants }: Plan, { q, use }) =>
    has([name, description], q) && (!use || (use === "used") === tenants > 0),
);

function useColumns(): readonly Column<Plan>[] {
  const t = usePlanTexts();
  const markupOf = useMarkup();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ name, description }) => (
        <span className="block min-w-32">
          <Link
            to={paths.plan(name)}
            className="font-medium underline-offset-2 hover:underline"
            onClick={(event) => event.stopPropagation()}
          >
            {name}
          </Link>
          {description && <span className="block text-xs text-ink-soft">{description}</span>}
        </span>
      ),
    },
    {
      ...{ id: "markup", title: t("markup"), align: "end", csv: ({ markup_ppm }) => markup_ppm / 10_000 },
      sort: ({ markup_ppm }) => markup_ppm,
      cell: ({ markup_ppm }) => <span className="tabular-nums">{markupOf(markup_ppm)}</span>,
    },
    {
      ...{ id: "credit", title: t("credit"), align: "end", csv: (plan) => plan.max_credit_limit, isMinor: true },
      sort: (plan) => Number(plan.max_credit_limit),
      cell: (plan) => <Money nanos={fromUnits(plan.max_credit_limit)} />,
    },
    {
      ...{ id: "tenants", title: t("tenants"), align: "end", csv: ({ tenants }) => tenants },
      sort: ({ tenants }) => tenants,
      cell: ({ tenants }) => <Quantity value={tenants} />,
    },
    {
      ...{ id: "created", title: t("created"), isMinor: true },
      ...{ csv: ({ created_at }) => created_at, sort: ({ created_at }) => created_at },
      cell: ({ created_at }) => <Time at={created_at} />,
    },
  ];
}
