import { useState } from "react";
import { type CreateKeyApiV1Body, createKey } from "../../api/gen/client.ts";
import { endOfDay } from "../../ui/days.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { splitList } from "../../ui/split-list.ts";
import { useUiTexts } from "../../ui/texts.ts";
import { useKeyTexts } from "./texts.ts";

/** Makes a key with its limits, and shows its secret once. */
export function CreateKey({ onClose, onMade }: { readonly onClose: () => void; readonly onMade: () => Promise<void> }) {
  const t = useKeyTexts();
  const parts = useUiTexts();
  const [secret, setSecret] = useState<string>();
  const send = async (values: FormValues) => {
    const made = await createKey({ body: toBody(values) });
    setSecret(made.secret);
    await onMade();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      title={secret === undefined ? t("createTitle") : parts("secretTitle")}
      closesOutside={secret === undefined}
    >
      {secret === undefined ? (
        <Form onSend={send}>
          <Fields />
          <FormButtons act={t("create")} onClose={onClose} />
        </Form>
      ) : (
        <SecretOnce secret={secret} onClose={onClose} />
      )}
    </Dialog>
  );
}

function Fields() {
  const t = useKeyTexts();
  const periods = (["month", "day", "hour", "total"] as const).map((period) => [period, t(period)] as const);
  const count = { type: "number", min: 1, inputMode: "numeric", isOptional: true } as const;
  return (
    <>
      <TextField
        name="name"
        label={t("name")}
        hint={t("nameHint")}
        required
        maxLength={100}
        autoFocus
        autoComplete="off"
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField {...count} name="requests_per_minute" label={t("requests")} />
        <TextField {...count} name="tokens_per_minute" label={t("tokens")} />
        <TextField name="budget" label={t("budget")} isOptional inputMode="decimal" pattern="\d{1,9}(\.\d{1,9})?" />
        <SelectField name="period" label={t("period")} options={periods} />
      </div>
      <TextField name="models" label={t("modelsField")} hint={t("modelsHint")} isOptional autoComplete="off" />
      <TextField name="expires_at" label={t("expiresField")} type="date" isOptional />
    </>
  );
}

function toBody(values: FormValues): CreateKeyApiV1Body {
  const { name = "", budget, period, models, expires_at } = values;
  const toCount = (text: string | undefined) => (text === undefined ? null : Number(text));
  return {
    name,
    requests_per_minute: toCount(values["requests_per_minute"]),
    tokens_per_minute: toCount(values["tokens_per_minute"]),
    budget: budget === undefined ? null : { limit: budget, period: period as "month" },
    models: splitList(models),
    expires_at: endOfDay(expires_at),
  };
}
