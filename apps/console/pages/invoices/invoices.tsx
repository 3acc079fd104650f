import { Link, useNavigate } from "@tanstack/react-router";
import { Building2, CalendarRange, ReceiptText } from "lucide-react";
import { useState } from "react";
import { getInvoice, type ListInvoicesResponse, listInvoices } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { DocumentFiles } from "../../ui/document-files.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Money, Period, Time, toUnits } from "../../ui/values.tsx";
import { Profile } from "./profile.tsx";
import { StatementRange } from "./statement-range.tsx";
import { useInvoicesTexts } from "./texts.ts";

type Invoice = ListInvoicesResponse["data"][number];

/** The tenant's invoices, before them the period that runs. */
export function Page() {
  const t = useInvoicesTexts();
  const navigate = useNavigate();
  const [open, setOpen] = useState<"profile" | "statement">();
  const close = () => setOpen(undefined);
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={
          <>
            <Button onClick={() => setOpen("profile")}>
              <Building2 aria-hidden className="size-4" />
              {t("profile")}
            </Button>
            <Button onClick={() => setOpen("statement")}>
              <CalendarRange aria-hidden className="size-4" />
              {t("statement")}
            </Button>
          </>
        }
      />
      <DataTable
        name="invoices"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadInvoices}
        searchField="q"
        filters={[
          {
            ...{ name: "state", label: t("state") },
            options: (["issued", "draft"] as const).map((state) => [state, t(`state.${state}`)] as const),
          },
        ]}
        onOpen={({ id }) => void navigate({ to: paths.invoice(id) })}
        empty={
          <EmptyState icon={<ReceiptText aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t("empty")}
          </EmptyState>
        }
        actions={({ id, number }) => (
          <DocumentFiles
            look="ghost"
            name={number ?? id}
            load={(format, language) => getInvoice.download({ path: { id }, query: { format, language } })}
          />
        )}
      />
      {open === "profile" && <Profile onClose={close} />}
      {open === "statement" && <StatementRange onClose={close} />}
    </>
  );
}

const loadInvoices = narrowHere(
  ["q", "state"],
  (query, signal) => listInvoices({ query: { limit: 50, ...query } as never }, { signal }),
  ({ number, period, state }: Invoice, asked) =>
    has([number, period.start.slice(0, 10)], asked["q"]) && (!asked["state"] || asked["state"] === state),
);

function useColumns(): readonly Column<Invoice>[] {
  const t = useInvoicesTexts();
  const amount = (nanos: string | null, currency: string | null) =>
    nanos === null ? (
      <span className="whitespace-nowrap text-ink-soft">{t("open")}</span>
    ) : (
      <Money nanos={nanos} currency={currency ?? "USD"} />
    );
  const units = (nanos: string | null) => (nanos === null ? null : toUnits(BigInt(nanos)));
  return [
    {
      ...{ id: "number", title: t("number"), csv: ({ number }) => number },
      cell: ({ id, number, period }) => (
        <>
          <Link
            to={paths.invoice(id)}
            className="font-medium whitespace-nowrap underline-offset-2 hover:underline"
            onClick={(event) => event.stopPropagation()}
          >
            {number ?? t("draft")}
          </Link>
          <span className="block text-xs text-ink-soft md:hidden">
            <Period {...period} />
          </span>
        </>
      ),
    },
    {
      ...{ id: "period", title: t("period"), csv: ({ period }) => period.start, sort: ({ period }) => period.start },
      isMinor: true,
      cell: ({ period }) => <Period {...period} />,
    },
    {
      ...{ id: "state", title: t("state"), csv: ({ state }) => t(`state.${state}`), isMinor: true },
      cell: ({ state }) => <Badge tone={state === "issued" ? "good" : "neutral"}>{t(`state.${state}`)}</Badge>,
    },
    {
      ...{ id: "charged", title: t("charged"), align: "end", csv: (invoice) => units(invoice.charged_nanos) },
      sort: (invoice) => Number(invoice.charged_nanos ?? -1),
      cell: (invoice) => amount(invoice.charged_nanos, invoice.currency),
    },
    {
      ...{ id: "closing", title: t("closing"), align: "end", csv: (invoice) => units(invoice.closing_nanos) },
      cell: (invoice) => amount(invoice.closing_nanos, invoice.currency),
      isMinor: true,
    },
    {
      ...{ id: "issued", title: t("issued"), csv: (invoice) => invoice.issued_at, isMinor: true },
      cell: (invoice) => <Time at={invoice.issued_at} none="–" />,
    },
  ];
}
