import { useCategoryName } from "../../ui/billing-texts.ts";
import { Money, Quantity } from "../../ui/values.tsx";
import type { Statement } from "./statement.ts";
import { Table } from "./table.tsx";
import { useInvoiceTexts } from "./texts.ts";

/** From the opening balance to the closing one. */
export function Sums({ statement, note }: { readonly statement: Statement; readonly note?: string }) {
  const t = useInvoiceTexts();
  const nameOf = useCategoryName();
  const { opening_nanos, closing_nanos, sums, currency } = statement;
  const balance = (name: string, nanos: string) => (
    <tr className="font-medium">
      <td colSpan={2}>{name}</td>
      <td className="text-right whitespace-nowrap">
        <Money nanos={nanos} currency={currency} />
      </td>
    </tr>
  );
  return (
    <Table
      title={t("summary")}
      {...(note !== undefined && { hint: note })}
      columns={[t("kind"), t("count"), t("amount")]}
      numbers={2}
    >
      {balance(t("opening"), opening_nanos)}
      {sums.map(({ category, count, amount_nanos }) => (
        <tr key={category}>
          <td>{nameOf(category)}</td>
          <td className="text-right">
            <Quantity value={count} />
          </td>
          <td className="text-right whitespace-nowrap">
            <Money nanos={amount_nanos} currency={currency} />
          </td>
        </tr>
      ))}
      {balance(t("closing"), closing_nanos)}
    </Table>
  );
}
