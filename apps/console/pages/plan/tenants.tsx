import { Building2, X } from "lucide-react";
import { assignPlan, type ListPlanTenantsResponse, listPlanTenants, unassignPlan } from "../../api/gen/client.ts";
import { type Plan, useMarkup } from "../../app/plans/plan.ts";
import { usePlanTexts } from "../../app/plans/texts.ts";
import { findTenants } from "../../app/tenants/find-tenants.ts";
import { TenantField } from "../../app/tenants/tenant-field.tsx";
import { useTenants } from "../../app/tenants/use-tenants.ts";
import { AddButton } from "../../ui/add-button.tsx";
import { IconButton } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import type { ListQuery } from "../../ui/list-page.ts";
import { narrowHere } from "../../ui/narrow-here.ts";
import { EmptyState } from "../../ui/page-parts.tsx";
import { searchByName } from "../../ui/search-by-name.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";

type Assigned = ListPlanTenantsResponse["data"][number];
type Open = { readonly what: "assign" } | { readonly what: "unassign"; readonly tenantId: string };

const spans = ["7", "30", "365"] as const;
const dayMs = 86_400_000;

function isWithin({ assigned_at }: Assigned, { days }: ListQuery): boolean {
  return days === undefined || Date.parse(assigned_at) >= Date.now() - Number(days) * dayMs;
}

/** Who is on a plan. */
export function Tenants({ plan, onChanged }: { readonly plan: Plan; readonly onChanged: () => Promise<void> }) {
  const t = usePlanTexts();
  const markupOf = useMarkup();
  const { nameOf } = useTenants();
  const { open, setOpen, close, changed } = useListDialog<Open>("plan-tenants");
  const { name } = plan;
  const find = searchByName<Assigned>([findTenants], (query, tenant_id, signal) =>
    listPlanTenants({ path: { name }, query: { limit: 50, ...query, tenant_id } as never }, { signal }),
  );
  const load = narrowHere(["days"], find, isWithin);
  const assign = <AddButton text={t("assign")} onClick={() => setOpen({ what: "assign" })} />;
  const send = async ({ tenant_id = "" }: FormValues) => {
    await assignPlan({ path: { name, tenant_id } });
    await onChanged();
    await changed(t("wasAssigned", { name, tenant: nameOf(tenant_id) }));
    close();
  };
  return (
    <>
      <div className="mb-3 flex flex-wrap items-center justify-between gap-3">
        <h2 className="text-base font-semibold">{t("onIt")}</h2>
        {plan.tenants > 0 && assign}
      </div>
      <DataTable
        name="plan-tenants"
        of={name}
        columns={useColumns(nameOf)}
        rowKey={({ tenant_id }) => tenant_id}
        load={load}
        searchField="q"
        filters={[{ name: "days", label: t("since"), options: spans.map((one) => [one, t(`days.${one}`)] as const) }]}
        empty={
          <EmptyState icon={<Building2 aria-hidden className="size-5" />} title={t("nobodyTitle")} action={assign}>
            {t("nobody")}
          </EmptyState>
        }
        actions={({ tenant_id }) => (
          <IconButton
            label={t("unassignNamed", { tenant: nameOf(tenant_id) })}
            onClick={() => setOpen({ what: "unassign", tenantId: tenant_id })}
          >
            <X aria-hidden className="size-4" />
          </IconButton>
        )}
      />
      {open?.what === "assign" && (
        <Dialog isOpen onClose={close} title={t("assignTitle", { name })} description={t("assignHint")}>
          <Form onSend={send}>
            <TenantField name="tenant_id" label={t("tenant")} hint={t("tenantHint")} />
            <FormButtons act={t("assign")} onClose={close} />
          </Form>
        </Dialog>
      )}
      {open?.what === "unassign" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("unassignTitle", { name, tenant: nameOf(open.tenantId) })}
          losses={[t("unassignLoss1", { markup: markupOf(plan.markup_ppm) }), t("unassignLoss2")]}
          act={t("unassign")}
          onConfirm={async () => {
            await unassignPlan({ path: { name, tenant_id: open.tenantId } });
            await onChanged();
            await changed(t("wasUnassigned", { tenant: nameOf(open.tenantId) }));
          }}
        />
      )}
    </>
  );
}

function useColumns(nameOf: (id: string) => string): readonly Column<Assigned>[] {
  const t = usePlanTexts();
  return [
    {
      ...{ id: "tenant", title: t("tenant"), csv: ({ tenant_id }) => tenant_id },
      sort: ({ tenant_id }) => nameOf(tenant_id),
      cell: ({ tenant_id }) => (
        <>
          <span className="block font-medium" title={tenant_id}>
            {nameOf(tenant_id)}
          </span>
          {nameOf(tenant_id) !== tenant_id && (
            <code className="font-mono text-xs text-ink-soft max-md:wrap-anywhere">{tenant_id}</code>
          )}
        </>
      ),
    },
    {
      ...{ id: "since", title: t("since") },
      ...{ csv: ({ assigned_at }) => assigned_at, sort: ({ assigned_at }) => assigned_at },
      cell: ({ assigned_at }) => <Time at={assigned_at} />,
    },
  ];
}
