import { useEffect, useState } from "react";
import { type CreateKeyApiV1Body, createKey } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Made } from "./made.tsx";
import { useKeyTexts } from "./texts.ts";

/** Makes a key with its limits, and shows its secret once. */
export function CreateKey({
  isOpen,
  onClose,
  onMade,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onMade: () => Promise<void>;
}) {
  const t = useKeyTexts();
  const [secret, setSecret] = useState<string>();
  useEffect(() => {
    if (isOpen) setSecret(undefined);
  }, [isOpen]);
  const send = async (values: FormValues) => {
    const made = await createKey({ body: toBody(values) });
    setSecret(made.secret);
    await onMade();
  };
  return (
    <Dialog
      isOpen={isOpen}
      onClose={onClose}
      title={secret === undefined ? t("createTitle") : t("madeTitle")}
      closesOutside={secret === undefined}
    >
      {secret === undefined ? (
        <Form onSend={send}>
          <Fields />
          <FormButtons act={t("create")} onClose={onClose} />
        </Form>
      ) : (
        <Made secret={secret} onClose={onClose} />
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
  const { name = "", budget, period, models = "", expires_at } = values;
  const toCount = (text: string | undefined) => (text === undefined ? null : Number(text));
  return {
    name,
    requests_per_minute: toCount(values["requests_per_minute"]),
    tokens_per_minute: toCount(values["tokens_per_minute"]),
    budget: budget === undefined ? null : { limit: budget, period: period as "month" },
    models: models.split(/[\s,，]+/).filter(Boolean),
    // To the end of that day, where the person is.
    expires_at: expires_at === undefined ? null : new Date(`${expires_at}T23:59:59`).toISOString(),
  };
}
