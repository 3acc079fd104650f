import { useQuery } from "@tanstack/react-query";
import { Boxes } from "lucide-react";
import { type ListProvidersResponse, listProviders } from "../../api/gen/client.ts";
import { type FeedbackSum, FeedbackSums, useFeedbackSums, useSumText } from "../../app/feedback/sums.tsx";
import { useFeedbackTexts } from "../../app/feedback/texts.ts";
import { useLanguage } from "../../app/language.ts";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { numberFormat } from "../../ui/formatters.ts";
import type { ListQuery } from "../../ui/list-page.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Duration, Quantity } from "../../ui/values.tsx";
import { useModelTexts } from "./texts.ts";

type Provider = ListProvidersResponse["data"][number];
type Model = Provider["models"][number];

interface Row {
  /** Without its other models: an answer is compared with the one before it as a whole. */
  readonly provider: Omit<Provider, "models">;
  readonly model: Model;
}

const refreshMs = 15_000;

/** Every model at every provider: prices and how it does. */
export function Page() {
  const t = useModelTexts();
  const { data } = useQuery({ queryKey: ["providers"], queryFn: ({ signal }) => listProviders({}, { signal }) });
  const providers = (data?.data ?? []).map(({ name }) => [name, name] as const);
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} />
      <DataTable
        name="models"
        columns={useColumns(data?.data ?? [], useFeedbackSums({ by: "model" }))}
        rowKey={({ provider, model }) => `${provider.name} ${model.name}`}
        load={loadModels}
        searchField="name"
        filters={[{ name: "provider", label: t("provider"), options: providers }]}
        refreshMs={refreshMs}
        empty={
          <EmptyState icon={<Boxes aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t("empty")}
          </EmptyState>
        }
      />
    </>
  );
}

async function loadModels({ name = "", provider: at }: ListQuery, signal?: AbortSignal) {
  const { data } = await listProviders({}, { signal });
  const rows = data
    .filter((provider) => at === undefined || provider.name === at)
    .flatMap(({ models, ...provider }) => models.map((model): Row => ({ provider, model })))
    .filter(({ model }) => model.name.toLowerCase().includes(name.toLowerCase()));
  return { data: rows, next_cursor: null };
}

const tones = { well: "good", ejected: "bad", held: "warn", parked: "bad" } as const;

function Health({ health }: Pick<Model, "health">) {
  const t = useModelTexts();
  const language = useLanguage();
  if (!health) return null;
  const percent = numberFormat(language, { style: "percent", maximumFractionDigits: 1 });
  const isKnown = health.first_byte_ms !== null || health.availability < 1;
  return (
    <span className="inline-flex flex-wrap items-center gap-x-2 md:flex-col md:items-start">
      <Badge tone={isKnown || health.state !== "well" ? tones[health.state] : "neutral"}>
        {t(`state.${health.state}`)}
      </Badge>
      <span className="text-xs text-ink-soft">
        {isKnown ? t("answered", { percent: percent.format(health.availability) }) : t("unused")}
      </span>
    </span>
  );
}

/** What a model costs by tokens; one that costs nothing by them is priced by something else, which the price book tells. */
function Price({ model, of }: { readonly model: Model; readonly of: "input" | "output" }) {
  const t = useModelTexts();
  const language = useLanguage();
  const { input_usd_per_million: input, output_usd_per_million: output } = model;
  const usd = of === "input" ? input : output;
  if (usd === null || (Number(input) === 0 && Number(output) === 0))
    return <span className="text-ink-soft">{of === "input" ? t("book") : "–"}</span>;
  const text = numberFormat(language, {
    ...{ style: "currency", currency: "USD", currencyDisplay: "narrowSymbol", maximumFractionDigits: 4 },
  });
  return <span className="tabular-nums">{text.format(Number(usd))}</span>;
}

function useColumns(providers: readonly Provider[], sums: readonly FeedbackSum[]): readonly Column<Row>[] {
  const t = useModelTexts();
  const feedback = useFeedbackTexts();
  const sumText = useSumText();
  const sumsOf = ({ provider, model }: Row) =>
    sums.filter((sum) => sum.provider === provider.name && sum.model === model.name);
  return [
    {
      ...{ id: "model", title: t("model"), csv: ({ model }) => model.name, sort: ({ model }) => model.name },
      cell: ({ provider, model }) => (
        <>
          <code className="block min-w-36 font-mono text-[13px] font-medium wrap-anywhere">{model.name}</code>
          <span className="text-xs text-ink-soft md:hidden">{provider.name}</span>
          <span className="mt-1 block md:hidden">
            <Health health={model.health} />
          </span>
        </>
      ),
    },
    {
      ...{ id: "provider", title: t("provider"), csv: ({ provider }) => provider.name, isMinor: true },
      sort: ({ provider }) => provider.name,
      cell: ({ provider }) => (
        <span className="inline-flex items-center gap-2 whitespace-nowrap">
          {provider.name}
          {provider.source === "tenant" && <Badge tone="accent">{t("yours")}</Badge>}
        </span>
      ),
    },
    {
      ...{ id: "input", title: t("input"), align: "end", csv: ({ model }) => model.input_usd_per_million },
      sort: ({ model }) => Number(model.input_usd_per_million ?? Number.MAX_VALUE),
      cell: ({ model }) => (
        <>
          <Price model={model} of="input" />
          <span className="mt-1 block text-xs text-ink-soft md:hidden">{t("output")}</span>
          <span className="md:hidden">
            <Price model={model} of="output" />
          </span>
        </>
      ),
    },
    {
      ...{ id: "output", title: t("output"), align: "end", isMinor: true },
      csv: ({ model }) => model.output_usd_per_million,
      sort: ({ model }) => Number(model.output_usd_per_million ?? Number.MAX_VALUE),
      cell: ({ model }) => <Price model={model} of="output" />,
    },
    {
      ...{ id: "health", title: t("health"), csv: ({ model }) => model.health?.state ?? null, isMinor: true },
      cell: ({ model }) => <Health health={model.health} />,
    },
    {
      ...{ id: "first", title: t("firstByte"), align: "end", isMinor: true },
      csv: ({ model }) => model.health?.first_byte_ms ?? null,
      sort: ({ model }) => model.health?.first_byte_ms ?? Number.MAX_VALUE,
      cell: ({ model }) => <Duration ms={model.health?.first_byte_ms ?? null} />,
    },
    {
      ...{ id: "throughput", title: t("throughput"), align: "end", isMinor: true },
      csv: ({ model }) => model.health?.tokens_per_second ?? null,
      sort: ({ model }) => -(model.health?.tokens_per_second ?? 0),
      cell: ({ model }) => <Measure value={model.health?.tokens_per_second} />,
    },
    ...(sums.length > 0
      ? [
          {
            ...{ id: "scores", title: feedback("column"), isMinor: true },
            csv: (row: Row) => sumsOf(row).map(sumText).join("; "),
            cell: (row: Row) => <FeedbackSums sums={sumsOf(row)} />,
          },
        ]
      : []),
    ...useTermColumns(providers),
  ];
}

/** Where a model works and how exactly it computes have their columns where a provider tells of them. */
function useTermColumns(providers: readonly Provider[]): readonly Column<Row>[] {
  const t = useModelTexts();
  return [
    {
      ...{ id: "policy", title: t("policy"), isMinor: true, csv: ({ provider }) => provider.data_policy },
      cell: ({ provider }) => (
        <span className="whitespace-nowrap text-ink-soft">{t(`policy.${provider.data_policy}`)}</span>
      ),
    },
    ...(providers.some(({ region }) => region !== null)
      ? [
          {
            ...{ id: "region", title: t("region"), isMinor: true, csv: ({ provider }: Row) => provider.region },
            sort: ({ provider }: Row) => provider.region ?? "",
            cell: ({ provider }: Row) => <code className="font-mono text-[13px]">{provider.region ?? "–"}</code>,
          },
        ]
      : []),
    ...(providers.some(({ models }) => models.some(({ quantization }) => quantization !== undefined))
      ? [
          {
            ...{ id: "quantization", title: t("quantization"), isMinor: true },
            csv: ({ model }: Row) => model.quantization ?? null,
            sort: ({ model }: Row) => model.quantization ?? "",
            cell: ({ model }: Row) => <code className="font-mono text-[13px]">{model.quantization ?? "–"}</code>,
          },
        ]
      : []),
  ];
}

function Measure({ value }: { readonly value: number | null | undefined }) {
  if (value === null || value === undefined) return <span className="text-ink-soft">–</span>;
  return <Quantity value={Math.round(value * 10) / 10} />;
}
