import { useLanguage } from "../../app/language.ts";
import { useBucketName } from "../../ui/billing-texts.ts";
import { formatDay, formatMoney, Money, Quantity } from "../../ui/values.tsx";
import type { Statement } from "./statement.ts";
import { Table } from "./table.tsx";
import { useInvoiceTexts } from "./texts.ts";

type Line = Statement["usage"][number];

/** Calls by model and price version, each part of it with its quantity and rate. */
export function Usage({ statement }: { readonly statement: Statement }) {
  const t = useInvoiceTexts();
  const { usage, other_usage_nanos, currency } = statement;
  const hasOther = other_usage_nanos !== "0";
  return (
    <Table
      title={t("usage")}
      hint={t("usageHint")}
      columns={[t("item"), t("quantity"), t("perMillion"), t("amount")]}
      numbers={3}
      minor={2}
    >
      {usage.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a document's lines stay in their order, and have no id
        <Lines key={index} line={line} currency={currency} />
      ))}
      {hasOther && <Row name={t("otherUsage")} nanos={other_usage_nanos} currency={currency} />}
      {usage.length === 0 && !hasOther && (
        <tr>
          <td colSpan={4} className="text-ink-soft">
            {t("nothing")}
          </td>
        </tr>
      )}
    </Table>
  );
}

function Lines({ line, currency }: { readonly line: Line; readonly currency: string }) {
  const t = useInvoiceTexts();
  const bucketName = useBucketName();
  const language = useLanguage();
  const number = new Intl.NumberFormat(language);
  const { model, provider, price_version, service_mode, tier_above_input_tokens, about_period } = line;
  const about = [
    t("calls", { count: Number(line.calls) }),
    ...(line.estimated_calls === "0" ? [] : [t("estimated", { count: Number(line.estimated_calls) })]),
    t("version", { number: price_version }),
    ...(service_mode === null ? [] : [service_mode]),
    ...(tier_above_input_tokens === null ? [] : [t("tier", { above: number.format(Number(tier_above_input_tokens)) })]),
    ...(about_period === null ? [] : [t("aboutPeriod", { period: formatDay(about_period, language) })]),
  ];
  return (
    <>
      <tr className="font-medium">
        <td colSpan={3}>
          <span className="wrap-anywhere">{model}</span>
          <span className="block text-xs font-normal text-ink-soft">{[provider, ...about].join(" · ")}</span>
        </td>
        <td className="text-right whitespace-nowrap">
          <Money nanos={line.charge_nanos} currency={currency} />
        </td>
      </tr>
      {line.buckets.map(({ bucket, quantity, nanos_per_million, exact_nanos }) => (
        <tr key={bucket} className="text-[13px] text-ink-soft">
          <td className="pl-4">
            {bucketName(bucket)}
            <span className="block text-xs md:hidden">
              {t("perMillion")} <Money nanos={nanos_per_million} currency={currency} />
            </span>
          </td>
          <td className="text-right">
            <Quantity value={Number(quantity)} />
          </td>
          <td className="text-right whitespace-nowrap max-md:pr-0!">
            <span className="max-md:hidden">
              <Money nanos={nanos_per_million} currency={currency} />
            </span>
          </td>
          <td className="text-right whitespace-nowrap">
            <Exact nanos={exact_nanos} currency={currency} />
          </td>
        </tr>
      ))}
      <Row name={t("markup")} nanos={line.markup_nanos} currency={currency} isPart />
      <Row name={t("rounding")} nanos={line.rounding_nanos} currency={currency} isPart />
      <Row name={t("uncollected")} nanos={line.uncollected_nanos} currency={currency} isPart />
    </>
  );
}

function Row({
  name,
  nanos,
  currency,
  isPart = false,
}: {
  readonly name: string;
  readonly nanos: string;
  readonly currency: string;
  readonly isPart?: boolean;
}) {
  if (Number(nanos) === 0) return null;
  return (
    <tr className={isPart ? "text-[13px] text-ink-soft" : "font-medium"}>
      <td colSpan={3} className={isPart ? "pl-4" : undefined}>
        {name}
      </td>
      <td className="text-right whitespace-nowrap">
        <Exact nanos={nanos} currency={currency} />
      </td>
    </tr>
  );
}

/** Nano-units with decimals, which are told in full on hover. */
function Exact({ nanos, currency }: { readonly nanos: string; readonly currency: string }) {
  const language = useLanguage();
  const [whole = ""] = nanos.split(".");
  const isBelowOne = Number(nanos) !== 0 && /^-?0?$/.test(whole);
  return (
    <span className="tabular-nums" title={`${nanos} nano-${currency}`}>
      {isBelowOne && "<"}
      {formatMoney(isBelowOne ? "1" : whole || "0", language, currency)}
    </span>
  );
}
