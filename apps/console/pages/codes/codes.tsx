import { Ban, Ticket } from "lucide-react";
import { disableCodes, type ListCodesResponse, listCodes } from "../../api/gen/client.ts";
import { AddButton } from "../../ui/add-button.tsx";
import { IconButton } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { fromUnits, Money, Quantity, Time } from "../../ui/values.tsx";
import { CreateCodes } from "./create-codes.tsx";
import { useCodesTexts } from "./texts.ts";

type Batch = ListCodesResponse["data"][number];
type Open = { readonly what: "create" } | { readonly what: "disable"; readonly batch: Batch };

/** Batches of codes that are worth money to whoever redeems one. */
export function Page() {
  const t = useCodesTexts();
  const { open, setOpen, close, changed } = useListDialog<Open>("codes");
  const create = <AddButton text={t("create")} onClick={() => setOpen({ what: "create" })} />;
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="codes"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadCodes}
        searchField="q"
        filters={[{ name: "status", label: t("status"), options: states.map((one) => [one, t(one)] as const) }]}
        empty={
          <EmptyState icon={<Ticket aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
        actions={(batch) =>
          statusOf(batch) === "active" && (
            <IconButton
              label={t("disableNamed", { name: batch.name })}
              onClick={() => setOpen({ what: "disable", batch })}
            >
              <Ban aria-hidden className="size-4" />
            </IconButton>
          )
        }
      />
      {open?.what === "create" && <CreateCodes onClose={close} onMade={changed} />}
      {open?.what === "disable" && <Disable batch={open.batch} onClose={close} onDone={changed} />}
    </>
  );
}

const loadCodes = narrowHere(
  ["q", "status"],
  (query, signal) => listCodes({ query: { limit: 50, ...query } as never }, { signal }),
  (batch: Batch, { q, status }) => has([batch.name], q) && (!status || statusOf(batch) === status),
);

const states = ["active", "usedUp", "expired", "disabled"] as const;
type Status = (typeof states)[number];

function statusOf({ disabled_at, expires_at, redemptions, count, max_uses }: Batch): Status {
  if (disabled_at !== null) return "disabled";
  if (expires_at !== null && Date.parse(expires_at) <= Date.now()) return "expired";
  return redemptions >= count * max_uses ? "usedUp" : "active";
}

function Disable({
  batch,
  onClose,
  onDone,
}: {
  readonly batch: Batch;
  readonly onClose: () => void;
  readonly onDone: (said: string) => Promise<void>;
}) {
  const t = useCodesTexts();
  const { id, name, count, max_uses, redemptions } = batch;
  return (
    <Confirm
      isOpen
      onClose={onClose}
      title={t("disableTitle", { name })}
      losses={[t("disableLoss1", { count: count * max_uses - redemptions }), t("disableLoss2")]}
      act={t("disable")}
      onConfirm={async () => {
        await disableCodes({ path: { id } });
        await onDone(t("wasDisabled", { name }));
      }}
    />
  );
}

function useColumns(): readonly Column<Batch>[] {
  const t = useCodesTexts();
  const ui = useUiTexts();
  const badge = (batch: Batch) => (
    <Badge tone={statusOf(batch) === "active" ? "good" : "neutral"}>{t(statusOf(batch))}</Badge>
  );
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: (batch) => (
        <>
          <span className="font-medium wrap-break-word">{batch.name}</span>
          <span className="mt-1 block md:hidden">{badge(batch)}</span>
        </>
      ),
    },
    {
      ...{ id: "status", title: t("status"), csv: (batch) => t(statusOf(batch)), isMinor: true },
      cell: badge,
    },
    {
      ...{ id: "amount", title: t("amount"), align: "end", csv: ({ amount }) => amount },
      sort: ({ amount }) => Number(amount),
      cell: ({ amount, currency }) => <Money nanos={fromUnits(amount)} currency={currency} />,
    },
    {
      ...{ id: "used", title: t("used"), align: "end", csv: ({ redemptions }) => redemptions },
      sort: ({ redemptions }) => redemptions,
      cell: ({ redemptions, count, max_uses }) => (
        <span className="whitespace-nowrap">
          <Quantity value={redemptions} /> / <Quantity value={count * max_uses} />
        </span>
      ),
    },
    {
      ...{ id: "once", title: t("once"), isMinor: true, csv: (batch) => t(batch.once_per_tenant ? "yes" : "no") },
      cell: (batch) => <span className="text-ink-soft">{t(batch.once_per_tenant ? "yes" : "no")}</span>,
    },
    {
      ...{ id: "expires", title: t("expires"), csv: ({ expires_at }) => expires_at, isMinor: true },
      cell: ({ expires_at }) => <Time at={expires_at} none={ui("noExpiry")} />,
    },
    {
      ...{ id: "created", title: t("created"), csv: ({ created_at }) => created_at, isMinor: true },
      sort: ({ created_at }) => created_at,
      cell: ({ created_at }) => <Time at={created_at} />,
    },
  ];
}
