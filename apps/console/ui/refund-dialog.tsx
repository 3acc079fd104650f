import { useState } from "react";
import { Dialog } from "./dialog.tsx";
import { Form, TextField } from "./form.tsx";
import { FormButtons } from "./form-buttons.tsx";
import { Losses } from "./losses.tsx";
import { useUiTexts } from "./texts.ts";

export interface WantedRefund {
  /** In units of the currency; undefined for all that was not refunded yet. */
  readonly amount: string | undefined;
  /** One for each opening of the dialog: it refunds once, however often it is sent. */
  readonly reference: string;
  readonly reason: string;
}

/** Gives money back, after it was said what that does. */
export function RefundDialog({
  title,
  losses,
  amount,
  currency,
  decimals,
  reasonHint,
  onRefund,
  onClose,
}: {
  readonly title: string;
  readonly losses: readonly string[];
  /** What may be refunded at most, in units. */
  readonly amount: string;
  readonly currency: string;
  /** How many decimals an amount may have. */
  readonly decimals: number;
  readonly reasonHint: string;
  readonly onRefund: (wanted: WantedRefund) => Promise<void>;
  readonly onClose: () => void;
}) {
  const t = useUiTexts();
  const [reference] = useState(() => crypto.randomUUID());
  return (
    <Dialog isOpen onClose={onClose} closesOutside={false} title={title}>
      <Losses losses={losses} className="mb-4" />
      <Form
        onSend={async ({ amount: wanted, reason = "" }) => {
          await onRefund({ amount: wanted, reference, reason });
          onClose();
        }}
      >
        <TextField
          {...{ name: "amount", label: t("refundAmount", { currency }), hint: t("refundAmountHint") }}
          {...{
            inputMode: "decimal",
            pattern: `\\d{1,9}(\\.\\d{1,${decimals}})?`,
            title: t("amountTitle"),
            autoComplete: "off",
          }}
          placeholder={amount}
          isOptional
          autoFocus
        />
        <TextField
          {...{ name: "reason", label: t("reason"), hint: reasonHint, maxLength: 500, autoComplete: "off" }}
          required
        />
        <FormButtons act={t("refund")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
