import { ReceiptText } from "lucide-react";
import { Fragment } from "react";
import { getStatement } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { movementCategories, useCategoryName } from "../../ui/billing-texts.ts";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { join } from "../../ui/join.ts";
import type { ListQuery } from "../../ui/list-page.ts";
import { has } from "../../ui/narrow-here.ts";
import { Badge, EmptyState } from "../../ui/page-parts.tsx";
import { formatDay, Money, Quantity, Time, toUnits } from "../../ui/values.tsx";
import { rangeOf } from "./months.ts";
import { useWalletTexts } from "./texts.ts";

/** What was posted to the wallet. Calls are one entry for each model at each price. */
interface Entry {
  readonly id: string;
  /** Null of calls, which were posted all over the month. */
  readonly at: string | null;
  readonly category: string;
  readonly about: string;
  readonly count: number;
  readonly nanos: bigint;
  readonly currency: string;
}

/** The entries of a month, the latest first. */
export function Entries({ month }: { readonly month: string }) {
  const t = useWalletTexts();
  const language = useLanguage();
  const nameOf = useCategoryName();
  const words: Words = {
    version: (number) => t("priceVersion", { number }),
    period: (day) => t("aboutPeriod", { period: formatDay(day, language) }),
  };
  return (
    <DataTable
      name={`entries-${month}`}
      columns={useColumns()}
      rowKey={({ id }) => id}
      load={(query, signal) => loadEntries(month, query, words, signal)}
      searchField="q"
      filters={[
        {
          name: "category",
          label: t("category"),
          options: movementCategories.map((one) => [one, nameOf(one)] as const),
        },
      ]}
      empty={
        <EmptyState icon={<ReceiptText aria-hidden className="size-5" />} title={t("noEntriesTitle")}>
          {t("noEntries")}
        </EmptyState>
      }
    />
  );
}

interface Words {
  readonly version: (number: number) => string;
  readonly period: (day: string) => string;
}

async function loadEntries(month: string, { category, q }: ListQuery, words: Words, signal?: AbortSignal) {
  const { movements, usage, other_usage_nanos, currency } = await getStatement({ query: rangeOf(month) }, { signal });
  const moved = movements.map(
    (movement, index): Entry => ({
      id: movement.posting_id || `rest-${index}`,
      at: movement.posted_at,
      category: movement.category,
      about: [movement.reference, movement.note].filter(Boolean).join(" · "),
      count: movement.count,
      ...{ nanos: BigInt(movement.amount_nanos), currency },
    }),
  );
  const used = usage.map((line, index): Entry => {
    const { model, provider, price_version, service_mode, about_period } = line;
    const period = about_period === null ? "" : words.period(about_period);
    const about = [model, provider, service_mode, words.version(price_version), period].filter(Boolean).join(" · ");
    const id = `usage-${index}`;
    return {
      ...{ id, at: null, category: "usage", about, count: Number(line.calls) },
      ...{ nanos: -BigInt(line.charge_nanos), currency },
    };
  });
  const rest = BigInt(other_usage_nanos);
  const other: Entry = { id: "other", at: null, category: "usage", about: "", count: 0, nanos: -rest, currency };
  const rows = [...used, ...(rest === 0n ? [] : [other]), ...moved.reverse()];
  const fits = (row: Entry) => (category === undefined || row.category === category) && has([row.about], q);
  return { data: rows.filter(fits), next_cursor: null };
}

/** A payment's or a code's own number, as texts have it among words. */
const number = /^[a-z]{2,8}_[0-9a-z]{20,}$/;

function About({ about }: Pick<Entry, "about">) {
  return about.split(" · ").map((part, at) => (
    <Fragment key={part}>
      {at > 0 && " · "}
      {number.test(part) ? <code className="font-mono text-xs">{part}</code> : part}
    </Fragment>
  ));
}

function useColumns(): readonly Column<Entry>[] {
  const t = useWalletTexts();
  const nameOf = useCategoryName();
  return [
    {
      ...{ id: "at", title: t("when"), csv: ({ at }) => at, sort: ({ at }) => at ?? "~" },
      isMinor: true,
      cell: ({ at }) => <Time at={at} none={t("wholeMonth")} />,
    },
    {
      ...{ id: "category", title: t("category"), csv: ({ category }) => nameOf(category) },
      sort: ({ category }) => nameOf(category),
      cell: ({ at, category, nanos, about }) => (
        <>
          <Badge tone={nanos > 0n ? "good" : "neutral"}>{nameOf(category)}</Badge>
          <span className="mt-1 block min-w-28 text-xs wrap-anywhere text-ink-soft md:hidden">
            <About about={about} />
            <span className="block">
              <Time at={at} none={t("wholeMonth")} />
            </span>
          </span>
        </>
      ),
    },
    {
      ...{ id: "about", title: t("about"), csv: ({ about }) => about, isMinor: true },
      cell: ({ about }) => (
        <span className="block max-w-96 min-w-28 wrap-break-word text-ink-soft">
          {about ? <About about={about} /> : t("noDetails")}
        </span>
      ),
    },
    {
      ...{ id: "count", title: t("count"), align: "end", csv: ({ count }) => count, isMinor: true },
      sort: ({ count }) => count,
      cell: ({ count }) => (count === 0 ? "–" : <Quantity value={count} />),
    },
    {
      ...{ id: "amount", title: t("amount"), align: "end", csv: ({ nanos }) => toUnits(nanos) },
      sort: ({ nanos }) => Number(nanos),
      cell: ({ nanos, currency }) => (
        <span className={join("whitespace-nowrap", nanos > 0n && "text-good")}>
          {nanos > 0n && "+"}
          <Money nanos={nanos} currency={currency} />
        </span>
      ),
    },
  ];
}
