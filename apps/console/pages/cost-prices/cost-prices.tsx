import { Coins, Pencil } from "lucide-react";
import { listCostPrices, listPrices } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { AddButton } from "../../ui/add-button.tsx";
import { IconButton } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { join } from "../../ui/join.ts";
import type { ListQuery } from "../../ui/list-page.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { readAll } from "../../ui/read-all.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Money, toUnits } from "../../ui/values.tsx";
import { chargedNanos, type Margin, type Rate, rates, shareOf, stateOf, toMargins } from "./margin.ts";
import { PutCost } from "./put-cost.tsx";
import { useCostTexts } from "./texts.ts";

const states = ["loss", "noCost", "profit", "noPrice"] as const;
const tones = { loss: "bad", noCost: "warn", profit: "good", noPrice: "neutral" } as const;

/** What models cost the platform, beside what callers pay for them. */
export function Page() {
  const t = useCostTexts();
  const { open, setOpen, close, changed } = useListDialog<Margin | "new">("cost-prices");
  const add = <AddButton text={t("add")} onClick={() => setOpen("new")} />;
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={add} />
      <DataTable
        name="cost-prices"
        columns={useColumns()}
        rowKey={({ provider, model }) => `${provider} ${model}`}
        load={loadMargins}
        searchField="name"
        filters={[{ name: "state", label: t("state"), options: states.map((one) => [one, t(one)] as const) }]}
        empty={
          <EmptyState icon={<Coins aria-hidden className="size-5" />} title={t("emptyTitle")} action={add}>
            {t("empty")}
          </EmptyState>
        }
        actions={(margin) => (
          <IconButton label={t("changeNamed", { model: margin.model })} onClick={() => setOpen(margin)}>
            <Pencil aria-hidden className="size-4" />
          </IconButton>
        )}
      />
      {open && <PutCost {...(open !== "new" && { margin: open })} onClose={close} onSaved={changed} />}
    </>
  );
}

/** All of both: neither knows of the other, and they are looked at together. */
async function loadMargins({ name = "", state }: ListQuery, signal?: AbortSignal) {
  const [{ data: costs }, { data: prices }] = await Promise.all([
    readAll((cursor) => listCostPrices({ query: { limit: 200, cursor } }, { signal })),
    listPrices({}, { signal }),
  ]);
  const wanted = name.toLowerCase();
  const rows = toMargins(costs, prices).filter(
    (one) => `${one.provider} ${one.model}`.toLowerCase().includes(wanted) && (!state || stateOf(one) === state),
  );
  return { data: rows, next_cursor: null };
}

function useColumns(): readonly Column<Margin>[] {
  const t = useCostTexts();
  const rate = (id: Rate): Column<Margin> => ({
    ...{ id, title: t(id), align: "end", isMinor: id !== "input" },
    csv: ({ cost, price }) =>
      [cost && BigInt(cost[rates[id]]), price && chargedNanos(price, id)]
        .map((nanos) => (nanos === undefined ? "–" : toUnits(nanos)))
        .join(" → "),
    sort: (margin) => shareOf(margin, id) ?? Number.NEGATIVE_INFINITY,
    cell: (margin) => (
      <>
        <Compared margin={margin} rate={id} />
        {id === "input" && (
          <span className="mt-1 block md:hidden">
            <span className="block text-xs text-ink-soft">{t("output")}</span>
            <Compared margin={margin} rate="output" />
          </span>
        )}
      </>
    ),
  });
  const badge = (margin: Margin) => <Badge tone={tones[stateOf(margin)]}>{t(stateOf(margin))}</Badge>;
  return [
    {
      ...{ id: "model", title: t("model"), csv: ({ model }) => model, sort: ({ model }) => model },
      cell: (margin) => (
        <>
          <span className="block min-w-36 font-mono text-[13px] font-medium wrap-break-word">{margin.model}</span>
          <span className="block text-xs text-ink-soft">{margin.provider}</span>
          <span className="mt-1 block md:hidden">{badge(margin)}</span>
        </>
      ),
    },
    {
      ...{ id: "state", title: t("state"), csv: (margin) => t(stateOf(margin)), isMinor: true },
      cell: badge,
    },
    ...(["input", "cached", "output"] as const).map(rate),
    {
      ...{ id: "version", title: t("version"), align: "end", csv: ({ cost }) => cost?.version ?? null, isMinor: true },
      cell: ({ cost }) => <span className="text-ink-soft tabular-nums">{cost?.version ?? "–"}</span>,
    },
  ];
}

function Compared({ margin, rate }: { readonly margin: Margin; readonly rate: Rate }) {
  const t = useCostTexts();
  const { cost, price } = margin;
  const percent = new Intl.NumberFormat(useLanguage(), {
    ...{ style: "percent", maximumFractionDigits: 1, signDisplay: "exceptZero" },
  });
  const share = shareOf(margin, rate);
  return (
    <span className="inline-block whitespace-nowrap">
      {cost ? <Money nanos={cost[rates[rate]]} currency={cost.currency} /> : "–"}
      <span className="text-ink-soft">
        {" → "}
        {price ? <Money nanos={chargedNanos(price, rate)} currency={price.currency} /> : "–"}
      </span>
      {share !== undefined && (
        <span className={join("block text-xs tabular-nums", share < 0 ? "text-bad" : "text-ink-soft")}>
          {t("margin", { share: percent.format(share) })}
        </span>
      )}
    </span>
  );
}
