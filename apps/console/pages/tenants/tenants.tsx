import { Link, useNavigate } from "@tanstack/react-router";
import { Building } from "lucide-react";
import { listTenants } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { type Tenant, TenantStatus, tenantStates } from "../../app/tenants/tenant-status.tsx";
import { useTenantTexts } from "../../app/tenants/texts.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { CreateTenant } from "./create-tenant.tsx";

/** Every organisation of the platform, for who operates it. */
export function Page() {
  const t = useTenantTexts();
  const navigate = useNavigate();
  const { open, setOpen, close, changed } = useListDialog<"create">("tenants");
  const create = <AddButton text={t("create")} onClick={() => setOpen("create")} />;
  const go = (id: string) => navigate({ to: paths.tenant(id) } as never);
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="tenants"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={(query, signal) => listTenants({ query: { ...query, limit: 50 } as never }, { signal })}
        searchField="query"
        filters={[{ name: "status", label: t("status"), options: tenantStates.map((one) => [one, t(one)] as const) }]}
        onOpen={({ id }) => void go(id)}
        empty={
          <EmptyState icon={<Building aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
      />
      {open && (
        <CreateTenant
          onClose={close}
          onCreated={async ({ id, name }) => {
            await changed(t("wasCreated", { name }));
            await go(id);
          }}
        />
      )}
    </>
  );
}

function useColumns(): readonly Column<Tenant>[] {
  const t = useTenantTexts();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ id, name, slug }) => (
        <span className="block min-w-32">
          <Link
            to={paths.tenant(id)}
            className="font-medium underline-offset-2 hover:underline"
            onClick={(event) => event.stopPropagation()}
          >
            {name}
          </Link>
          <span className="block text-xs text-ink-soft">{slug}</span>
        </span>
      ),
    },
    {
      ...{ id: "plan", title: t("plan"), csv: ({ plan }) => plan, sort: ({ plan }) => plan, isMinor: true },
      cell: ({ plan }) => plan,
    },
    {
      ...{ id: "status", title: t("status"), csv: ({ status }) => status, sort: ({ status }) => status },
      cell: ({ status }) => <TenantStatus status={status} />,
    },
    {
      ...{ id: "created", title: t("created"), isMinor: true },
      ...{ csv: ({ created_at }) => created_at, sort: ({ created_at }) => created_at },
      cell: ({ created_at }) => <Time at={created_at} />,
    },
  ];
}
