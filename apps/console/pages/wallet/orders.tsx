import { CreditCard } from "lucide-react";
import { type ListTopUpOrdersResponse, listTopUpOrders } from "../../api/gen/client.ts";
import { buttonClass } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { OrderState, useOrderStates } from "../../ui/order-state.tsx";
import { EmptyState } from "../../ui/page-parts.tsx";
import { Money, Time } from "../../ui/values.tsx";
import { useWalletTexts } from "./texts.ts";

type Order = ListTopUpOrdersResponse["data"][number];

/** Payments that were begun, and what became of them. */
export function Orders() {
  const t = useWalletTexts();
  const states = useOrderStates();
  return (
    <DataTable
      name="orders"
      columns={useColumns()}
      rowKey={({ id }) => id}
      load={(query, signal) => listTopUpOrders({ query: { ...query, limit: 50 } as never }, { signal })}
      searchField="number"
      searchHint={t("numberHint")}
      filters={[{ name: "state", label: t("state"), options: states }]}
      empty={
        <EmptyState icon={<CreditCard aria-hidden className="size-5" />} title={t("noOrdersTitle")}>
          {t("noOrders")}
        </EmptyState>
      }
      actions={({ checkout_url }) =>
        checkout_url !== null && (
          <a href={checkout_url} className={buttonClass("secondary", "small")}>
            {t("pay")}
          </a>
        )
      }
    />
  );
}

function useColumns(): readonly Column<Order>[] {
  const t = useWalletTexts();
  return [
    {
      ...{ id: "created", title: t("when"), csv: (order) => order.created_at, sort: (order) => order.created_at },
      cell: (order) => <Time at={order.created_at} />,
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
      ...{ id: "id", title: t("order"), csv: (order) => order.id, isMinor: true },
      cell: (order) => <code className="font-mono text-xs text-ink-soft">{order.id}</code>,
    },
    {
      ...{ id: "ended", title: t("ended"), csv: (order) => order.ended_at, isMinor: true },
      cell: (order) => <Time at={order.ended_at} none="–" />,
    },
  ];
}
