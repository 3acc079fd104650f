import { CreditCard, Undo2 } from "lucide-react";
import { listAllTopUpOrders } from "../../api/gen/client.ts";
import { useTenants } from "../../app/tenants/use-tenants.ts";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { OrderState, useOrderStates } from "../../ui/order-state.tsx";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Money, Time } from "../../ui/values.tsx";
import type { Order } from "./order.ts";
import { Refund } from "./refund.tsx";
import { usePaymentsTexts } from "./texts.ts";

/** Every organisation's payments; money of those that were paid can go back. */
export function Page() {
  const t = usePaymentsTexts();
  const { options, nameOf } = useTenants();
  const states = useOrderStates();
  const { open, setOpen, close, changed } = useListDialog<Order>("payments");
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      <DataTable
        name="payments"
        columns={useColumns(nameOf)}
        rowKey={({ id }) => id}
        load={(query, signal) => listAllTopUpOrders({ query: { ...query, limit: 50 } as never }, { signal })}
        searchField="number"
        searchHint={t("numberHint")}
        filters={[
          { name: "state", label: t("state"), options: states },
          ...(options.length > 1 ? [{ name: "tenant_id", label: t("tenant"), options }] : []),
        ]}
        empty={
          <EmptyState icon={<CreditCard aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t("empty")}
          </EmptyState>
        }
        actions={(order) =>
          order.state === "paid" && (
            <Button size="small" onClick={() => setOpen(order)} aria-label={t("refundNamed", { id: order.id })}>
              <Undo2 aria-hidden className="size-3.5" />
              <span className="max-md:hidden">{t("refund")}</span>
            </Button>
          )
        }
      />
      {open && <Refund order={open} tenant={nameOf(open.tenant_id)} onClose={close} onDone={changed} />}
    </>
  );
}

function useColumns(nameOf: (id: string) => string): readonly Column<Order>[] {
  const t = usePaymentsTexts();
  return [
    {
      ...{ id: "created", title: t("when"), csv: (order) => order.created_at, sort: (order) => order.created_at },
      cell: (order) => (
        <>
          <Time at={order.created_at} />
          <span className="block text-xs text-ink-soft md:hidden">{nameOf(order.tenant_id)}</span>
        </>
      ),
    },
    {
      ...{ id: "tenant", title: t("tenant"), csv: ({ tenant_id }) => tenant_id, isMinor: true },
      sort: ({ tenant_id }) => nameOf(tenant_id),
      cell: ({ tenant_id }) => <span title={tenant_id}>{nameOf(tenant_id)}</span>,
    },
    {
      ...{ id: "state", title: t("state"), csv: (order) => order.state },
      cell: ({ state }) => <OrderState state={state} />,
    },
    {
      ...{ id: "amount", title: t("amount"), align: "end", csv: (order) => order.amount },
      sort: (order) => Number(order.amount_nanos),
      cell: (order) => <Money nanos={order.amount_nanos} currency={order.currency} />,
    },
    {
      ...{ id: "provider", title: t("provider"), csv: ({ provider }) => provider, isMinor: true },
      cell: ({ provider }) => <span className="text-ink-soft capitalize">{provider}</span>,
    },
    {
      ...{ id: "id", title: t("order"), csv: (order) => order.id, isMinor: true },
      cell: (order) => <code className="font-mono text-xs text-ink-soft">{order.id}</code>,
    },
    {
      ...{ id: "ended", title: t("ended"), csv: (order) => order.ended_at, isMinor: true },
      cell: (order) => <Time at={order.ended_at} none="–" />,
    },
  ];
}
