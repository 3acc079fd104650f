import { useLanguage } from "../../app/language.ts";
import { useCategoryName } from "../../ui/billing-texts.ts";
import { formatDay, Money } from "../../ui/values.tsx";
import type { Statement } from "./statement.ts";
import { Table } from "./table.tsx";
import { useInvoiceTexts } from "./texts.ts";

/** Top-ups, credits and corrections. */
export function Movements({ statement: { movements, currency } }: { readonly statement: Statement }) {
  const t = useInvoiceTexts();
  const nameOf = useCategoryName();
  const language = useLanguage();
  const time = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  return (
    <Table title={t("movements")} columns={[t("posted"), t("kind"), t("reference"), t("amount")]} numbers={1} minor={2}>
      {movements.map(({ posting_id, posted_at, category, about_period, reference, note, count, amount_nanos }) => (
        <tr key={posting_id || `${category} ${posted_at}`}>
          <td className="md:whitespace-nowrap">
            <time dateTime={posted_at}>{time.format(new Date(posted_at))}</time>
          </td>
          <td className="md:whitespace-nowrap">
            {nameOf(category)}
            <span className="block text-xs wrap-anywhere text-ink-soft md:hidden">{reference}</span>
          </td>
          <td className="wrap-anywhere text-ink-soft max-md:pr-0! md:min-w-40">
            <span className="max-md:hidden">{reference}</span>
            {note !== "" && <span className="block">{note}</span>}
            {about_period !== null && (
              <span className="block">{t("aboutPeriod", { period: formatDay(about_period, language) })}</span>
            )}
            {count > 1 && <span className="block">{t("several", { count })}</span>}
          </td>
          <td className="text-right whitespace-nowrap">
            <Money nanos={amount_nanos} currency={currency} />
          </td>
        </tr>
      ))}
    </Table>
  );
}
