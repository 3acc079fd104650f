import { useState } from "react";
import { createTopUpOrder, redeemCode, topUpWallet } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { paths } from "../../app/paths.ts";
import { Choice } from "../../ui/choice.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { toast } from "../../ui/toast.tsx";
import { formatMoney, fromUnits } from "../../ui/values.tsx";
import { useWalletTexts } from "./texts.ts";

const ways = ["card", "code", "hand"] as const;
type Way = (typeof ways)[number];

/** Brings money in: by a payment, by a code, or by hand where somebody has it elsewhere. */
export function TopUp({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => Promise<void> }) {
  const t = useWalletTexts();
  const language = useLanguage();
  const [way, setWay] = useState<Way>("card");
  const came = async (text: string) => {
    await onDone();
    onClose();
    toast(text);
  };
  const send: Readonly<Record<Way, (values: FormValues) => Promise<void>>> = {
    async card({ amount = "" }) {
      const back = `${location.origin}${paths.wallet()}?show=orders`;
      const order = await createTopUpOrder({ body: { amount, success_url: `${back}&paid=1`, cancel_url: back } });
      if (order.checkout_url === null) return came(t("ordered"));
      location.assign(order.checkout_url);
    },
    async code({ code = "" }) {
      const { amount, currency } = await redeemCode({ body: { code } });
      await came(t("redeemed", { amount: formatMoney(fromUnits(amount), language, currency) }));
    },
    async hand({ amount = "", reference = "" }) {
      await topUpWallet({ body: { amount, reference } });
      await came(t("credited", { amount: formatMoney(fromUnits(amount), language) }));
    },
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("topUp")}>
      <Choice label={t("way")} value={way} options={ways.map((one) => [one, t(`way.${one}`)])} onChange={setWay} />
      <p className="mt-3 mb-4 text-[13px] text-ink-soft">{t(`hint.${way}`)}</p>
      <Form key={way} onSend={send[way]}>
        {way === "code" ? (
          <TextField
            name="code"
            label={t("code")}
            required
            maxLength={64}
            autoFocus
            autoComplete="off"
            spellCheck={false}
            className="font-mono"
          />
        ) : (
          <TextField
            name="amount"
            label={t("amountUsd")}
            required
            inputMode="decimal"
            pattern={way === "card" ? "\\d{1,9}(\\.\\d{1,2})?" : "\\d{1,9}(\\.\\d{1,9})?"}
            title={t("amountTitle")}
            autoFocus
            autoComplete="off"
          />
        )}
        {way === "hand" && (
          <TextField
            name="reference"
            label={t("reference")}
            hint={t("referenceHint")}
            required
            maxLength={120}
            autoComplete="off"
          />
        )}
        <FormButtons act={t(`act.${way}`)} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
