import type { GetReceiptResponse } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { useBucketName } from "../../ui/billing-texts.ts";
import { Card } from "../../ui/page-parts.tsx";
import { formatMoney, Money, Quantity } from "../../ui/values.tsx";
import { useRequestTexts } from "./texts.ts";

/** What scrolls must be reached by keyboard. */
const scrollStop = 0;

/** How the cost of an attempt comes about: quantity times rate, and what is added. */
export function CostLines({
  attempt,
  currency,
}: {
  readonly attempt: GetReceiptResponse["attempts"][number];
  readonly currency: string;
}) {
  const t = useRequestTexts();
  const bucketName = useBucketName();
  const { usage, price, rule, lines } = attempt;
  const { version, model, provider } = price;
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("price")}</h2>
      <p className="mt-0.5 text-ink-soft">{t("version", { version, model, provider })}</p>
      <section className="relative mt-3 overflow-x-auto" aria-label={t("price")} tabIndex={scrollStop}>
        <table className="w-full text-sm">
          <thead>
            <tr className="border-b border-line text-left text-xs text-ink-soft *:h-8 *:pl-3 *:font-medium *:whitespace-nowrap *:first:pl-0">
              <th scope="col">{t("bucket")}</th>
              <th scope="col" className="text-right">
                {t("quantity")}
              </th>
              <th scope="col" className="text-right">
                {t("rate")}
              </th>
              <th scope="col" className="text-right">
                {t("amount")}
              </th>
            </tr>
          </thead>
          <tbody className="*:border-b *:border-line *:*:h-9 *:*:pl-3 *:*:first:pl-0">
            {lines.map((line) => (
              <tr key={line.bucket}>
                <td>{bucketName(line.bucket)}</td>
                <td className="text-right">
                  <Quantity value={Number(line.quantity)} />
                </td>
                <td className="text-right">
                  <Money nanos={line.nanos_per_million} currency={currency} />
                </td>
                <td className="text-right">
                  <Exact nanos={line.cost_nanos} currency={currency} />
                </td>
              </tr>
            ))}
            <Sum name={t("markup")} nanos={attempt.markup_nanos} currency={currency} />
            <Sum name={t("rounding")} nanos={attempt.rounding_nanos} currency={currency} />
            {usage.uncollected_nanos !== "0" && (
              <Sum name={t("uncollected")} nanos={usage.uncollected_nanos} currency={currency} isShown />
            )}
            <Sum name={t("total")} nanos={usage.cost_nanos} currency={currency} isShown />
          </tbody>
        </table>
      </section>
      <p className="mt-3 text-ink-soft">
        {rule.text} {usage.estimated && t("estimated")}
      </p>
    </Card>
  );
}

function Sum({
  name,
  nanos,
  currency,
  isShown = false,
}: {
  readonly name: string;
  readonly nanos: string;
  readonly currency: string;
  readonly isShown?: boolean;
}) {
  if (!isShown && Number(nanos) === 0) return null;
  return (
    <tr className="font-medium">
      <td colSpan={3}>{name}</td>
      <td className="text-right">
        <Exact nanos={nanos} currency={currency} />
      </td>
    </tr>
  );
}

/** Nano-units with decimals, which are told in full on hover. */
function Exact({ nanos, currency }: { readonly nanos: string; readonly currency: string }) {
  const [whole = "0"] = nanos.split(".");
  return (
    <span className="tabular-nums" title={`${nanos} nano-${currency}`}>
      {formatMoney(whole === "-" || whole === "" ? "0" : whole, useLanguage(), currency)}
    </span>
  );
}
