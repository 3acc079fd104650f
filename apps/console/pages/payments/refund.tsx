import { useState } from "react";
import { refundTopUpOrder } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { formatMoney, fromUnits } from "../../ui/values.tsx";
import type { Order } from "./order.ts";
import { usePaymentsTexts } from "./texts.ts";

/** Sends money of a payment back to whoever paid. One opening of the dialog refunds once, however often it is sent. */
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
  const [reference] = useState(() => crypto.randomUUID());
  const send = async ({ amount: wanted, reason = "" }: FormValues) => {
    const refund = await refundTopUpOrder({ path: { id }, body: { amount: wanted, reference, reason } });
    await onDone(t(`was.${refund.state}`, { amount: formatMoney(fromUnits(refund.amount), language, currency) }));
    onClose();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      closesOutside={false}
      title={t("refundTitle", { amount: formatMoney(amount_nanos, language, currency), tenant })}
    >
      <ul className="mb-4 list-disc space-y-1 pl-5 text-ink-soft">
        <li>{t("loss1", { tenant })}</li>
        <li>{t("loss2")}</li>
      </ul>
      <Form onSend={send}>
        <TextField
          {...{ name: "amount", label: t("refundAmount", { currency }), hint: t("refundAmountHint") }}
          {...{ inputMode: "decimal", pattern: "\\d{1,9}(\\.\\d{1,2})?", title: t("amountTitle"), autoComplete: "off" }}
          placeholder={amount}
          isOptional
          autoFocus
        />
        <TextField
          {...{ name: "reason", label: t("reason"), hint: t("reasonHint"), maxLength: 500, autoComplete: "off" }}
          required
        />
        <FormButtons act={t("refund")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
