import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Tags } from "lucide-react";
import { type ListPricesResponse, listPrices } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { useBucketName, useModeName } from "../../ui/billing-texts.ts";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import type { ListQuery } from "../../ui/list-page.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Money, Time, toUnits } from "../../ui/values.tsx";
import { usePricesTexts } from "./texts.ts";

type Price = ListPricesResponse["data"][number];

/** What models cost this tenant now: with the mark-up of its plan, and its own prices where it has some. */
export function Page() {
  const t = usePricesTexts();
  const navigate = useNavigate();
  const { data } = useQuery({ queryKey: ["prices"], queryFn: ({ signal }) => listPrices({}, { signal }) });
  const providers = [...new Set(data?.data.map(({ provider }) => provider))].sort();
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      <DataTable
        name="prices"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadPrices}
        searchField="name"
        filters={[{ name: "provider", label: t("provider"), options: providers.map((one) => [one, one] as const) }]}
        onOpen={({ provider, model }) => void navigate({ to: paths.price(), search: { provider, model } } as never)}
        empty={
          <EmptyState icon={<Tags aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t("empty")}
          </EmptyState>
        }
      />
    </>
  );
}

async function loadPrices({ name = "", provider }: ListQuery, signal?: AbortSignal) {
  const { data } = await listPrices({ query: { provider } }, { signal });
  const rows = data.filter(({ model }) => model.toLowerCase().includes(name.toLowerCase()));
  return { data: rows, next_cursor: null };
}

/** Buckets with columns of their own. */
const shown: ReadonlySet<string> = new Set(["input", "cache_read", "output"]);

/** A model that is priced by something else, such as seconds, has no price of tokens: it is not free. */
function isPricedElsewise({ terms: { rates } }: Price): boolean {
  const paid = Object.entries(rates).filter(([, nanos]) => nanos !== "0");
  return paid.length > 0 && paid.every(([bucket]) => !shown.has(bucket));
}

/** What of a price is more than rates that always hold. */
function useExtras(): (price: Price) => readonly string[] {
  const t = usePricesTexts();
  const language = useLanguage();
  const percent = new Intl.NumberFormat(language, {
    ...{ style: "percent", maximumFractionDigits: 2, signDisplay: "exceptZero" },
  });
  const bucketName = useBucketName();
  const modeName = useModeName();
  return ({ terms: { rates, tiers, modes, windows, markup_ppm } }) => [
    ...Object.entries(rates).flatMap(([bucket, nanos]) =>
      shown.has(bucket) || nanos === "0" ? [] : [bucketName(bucket)],
    ),
    ...(markup_ppm === 0 ? [] : [percent.format(markup_ppm / 1_000_000)]),
    ...(tiers.length === 0 ? [] : [t("tiers")]),
    ...Object.keys(modes).map(modeName),
    ...(windows.length === 0 ? [] : [t("windows")]),
  ];
}

function useColumns(): readonly Column<Price>[] {
  const t = usePricesTexts();
  const extrasOf = useExtras();
  const rate = (
    id: string,
    field: "input_nanos_per_million" | "cached_input_nanos_per_million" | "output_nanos_per_million",
  ): Column<Price> => ({
    ...{ id, title: t(id as "input"), align: "end", csv: (price) => toUnits(BigInt(price[field])) },
    sort: (price) => Number(price[field]),
    cell: (price) => (isPricedElsewise(price) ? "–" : <Money nanos={price[field]} currency={price.currency} />),
    ...(id === "cached" && { isMinor: true }),
  });
  return [
    {
      ...{ id: "model", title: t("model"), csv: ({ model }) => model, sort: ({ model }) => model },
      cell: ({ provider, model }) => (
        <>
          <Link
            to={paths.price()}
            search={{ provider, model } as never}
            className="font-mono text-[13px] font-medium wrap-break-word underline-offset-2 hover:underline"
            onClick={(event) => event.stopPropagation()}
          >
            {model}
          </Link>
          <span className="block text-xs text-ink-soft md:hidden">{provider}</span>
        </>
      ),
    },
    {
      ...{ id: "provider", title: t("provider"), csv: ({ provider }) => provider, sort: ({ provider }) => provider },
      isMinor: true,
      cell: ({ provider }) => <span className="whitespace-nowrap text-ink-soft">{provider}</span>,
    },
    rate("input", "input_nanos_per_million"),
    rate("cached", "cached_input_nanos_per_million"),
    rate("output", "output_nanos_per_million"),
    {
      ...{ id: "extras", title: t("extras"), csv: (price) => extrasOf(price).join("; "), isMinor: true },
      cell: (price) => (
        <span className="flex flex-wrap gap-1">
          {extrasOf(price).map((extra) => (
            <Badge key={extra}>{extra}</Badge>
          ))}
        </span>
      ),
    },
    {
      ...{ id: "since", title: t("since"), csv: ({ effective_at }) => effective_at, isMinor: true },
      sort: ({ effective_at }) => effective_at,
      cell: ({ effective_at, version }) => (
        <span className="whitespace-nowrap">
          <Time at={effective_at} />
          <span className="block text-xs text-ink-soft">{t("version", { number: version })}</span>
        </span>
      ),
    },
  ];
}
