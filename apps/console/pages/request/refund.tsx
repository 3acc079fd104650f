import { useQueryClient } from "@tanstack/react-query";
import { Undo2 } from "lucide-react";
import { useState } from "react";
import { type GetReceiptResponse, refundCall } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { useCan } from "../../app/session.ts";
import { Button } from "../../ui/button.tsx";
import { Card } from "../../ui/page-parts.tsx";
import { RefundDialog } from "../../ui/refund-dialog.tsx";
import { toast } from "../../ui/toast.tsx";
import { formatMoney, fromUnits, Money, Time, toUnits } from "../../ui/values.tsx";
import { useRequestTexts } from "./texts.ts";

/** Gives back what a call has cost, or a part of it, for operators and as long as something is left of it. */
export function Refund({ receipt }: { readonly receipt: GetReceiptResponse }) {
  const t = useRequestTexts();
  const language = useLanguage();
  const cache = useQueryClient();
  const can = useCan();
  const [isOpen, setOpen] = useState(false);
  const { id, currency } = receipt;
  const leftNanos = receipt.refunds.reduce((left, one) => left - BigInt(one.amount_nanos), BigInt(receipt.cost_nanos));
  if (!can("platform:billing") || leftNanos <= 0n) return null;
  return (
    <>
      <Button onClick={() => setOpen(true)}>
        <Undo2 aria-hidden className="size-4" />
        {t("refund")}
      </Button>
      {isOpen && (
        <RefundDialog
          title={t("refundTitle", { amount: formatMoney(leftNanos, language, currency) })}
          losses={[t("refundLoss1"), t("refundLoss2"), t("refundLoss3")]}
          amount={toUnits(leftNanos)}
          currency={currency}
          decimals={9}
          reasonHint={t("refundReasonHint")}
          onClose={() => setOpen(false)}
          onRefund={async (body) => {
            const refund = await refundCall({ path: { id }, body });
            await Promise.all([["receipt", id], ["balance"]].map((queryKey) => cache.invalidateQueries({ queryKey })));
            toast(t("wasRefunded", { amount: formatMoney(fromUnits(refund.amount), language, currency) }));
          }}
        />
      )}
    </>
  );
}

/** What was given back so far, and why. */
export function Refunds({ refunds, currency }: Pick<GetReceiptResponse, "refunds" | "currency">) {
  const t = useRequestTexts();
  if (refunds.length === 0) return null;
  return (
    <Card className="p-5">
      <h2 className="font-semibold">{t("refunds")}</h2>
      <ul className="mt-2 divide-y divide-line">
        {refunds.map(({ id, amount_nanos, reason, created_at }) => (
          <li key={id} className="flex flex-wrap items-baseline justify-between gap-x-4 py-2">
            <span className="min-w-0 wrap-anywhere">
              {reason}
              <span className="block text-xs text-ink-soft">
                <Time at={created_at} /> · <code className="font-mono">{id}</code>
              </span>
            </span>
            <span className="text-good">
              +<Money nanos={amount_nanos} currency={currency} />
            </span>
          </li>
        ))}
      </ul>
    </Card>
  );
}
