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
  const time = new Intl.DateTimeFormat(useLanguage(), { dateStyle: "medium", timeStyle: "short", timeZone: "UTC" });
  return (
    <Table title={t("movements")} columns={[t("posted"), t("kind"), t("reference"), t("amount")]} numbers={1} minor={2}>
      {movements.map((movement) => (
        <tr key={movement.posting_id || `${movement.category} ${movement.posted_at}`}>
          <td className="md:whitespace-nowrap">
            <time dateTime={movement.posted_at}>{time.format(new Date(movement.posted_at))}</time>
          </td>
          <td className="md:whitespace-nowrap">
            {nameOf(movement.category)}
            <span className="block text-xs text-ink-soft md:hidden">
              <About {...movement} />
            </span>
          </td>
          <td className="text-ink-soft max-md:pr-0! md:min-w-40">
            <span className="max-md:hidden">
              <About {...movement} />
            </span>
          </td>
          <td className="text-right whitespace-nowrap">
            <Money nanos={movement.amount_nanos} currency={currency} />
          </td>
        </tr>
      ))}
    </Table>
  );
}

/** What a movement is told by: on a phone below its kind, else in a column of its own. */
function About({ reference, note, about_period, count }: Statement["movements"][number]) {
  const t = useInvoiceTexts();
  const language = useLanguage();
  return (
    <span className="block wrap-anywhere">
      {reference}
      {note !== "" && <span className="block">{note}</span>}
      {about_period !== null && (
        <span className="block">{t("aboutPeriod", { period: formatDay(about_period, language) })}</span>
      )}
      {count > 1 && <span className="block">{t("several", { count })}</span>}
    </span>
  );
}
