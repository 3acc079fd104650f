import { refundTopUpOrder } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { RefundDialog } from "../../ui/refund-dialog.tsx";
import { formatMoney, fromUnits } from "../../ui/values.tsx";
import type { Order } from "./order.ts";
import { usePaymentsTexts } from "./texts.ts";

/** Sends money of a payment back to whoever paid. */
export function Refund({
  order: { id, amount, amount_nanos, currency },
  tenant,
  onClose,
  onDone,
}: {
  readonly order: Order;
  readonly tenant: string;
  readonly onClose: () => void;
  readonly onDone: (said: string) => Promise<void>;
}) {
  const t = usePaymentsTexts();
  const language = useLanguage();
  return (
    <RefundDialog
      title={t("refundTitle", { amount: formatMoney(amount_nanos, language, currency), tenant })}
      losses={[t("loss1", { tenant }), t("loss2")]}
      reasonHint={t("reasonHint")}
      decimals={2}
      {...{ amount, currency, onClose }}
      onRefund={async (body) => {
        const refund = await refundTopUpOrder({ path: { id }, body });
        await onDone(t(`was.${refund.state}`, { amount: formatMoney(fromUnits(refund.amount), language, currency) }));
      }}
    />
  );
}
