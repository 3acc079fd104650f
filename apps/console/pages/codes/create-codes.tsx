import { Download } from "lucide-react";
import { useState } from "react";
import { type CreateCodesResponse, createCodes } from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { saveCsv } from "../../ui/csv.ts";
import { endOfDay } from "../../ui/days.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { useCodesTexts } from "./texts.ts";

/** Makes a batch, and shows its codes once. */
export function CreateCodes({
  onClose,
  onMade,
}: {
  readonly onClose: () => void;
  readonly onMade: () => Promise<void>;
}) {
  const t = useCodesTexts();
  const [made, setMade] = useState<CreateCodesResponse>();
  const send = async (values: FormValues) => {
    setMade(await createCodes({ body: toBody(values) }));
    await onMade();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t(made ? "madeTitle" : "createTitle")} closesOutside={!made}>
      {made ? (
        <Made batch={made} onClose={onClose} />
      ) : (
        <Form onSend={send}>
          <Fields />
          <FormButtons act={t("create")} onClose={onClose} />
        </Form>
      )}
    </Dialog>
  );
}

function Fields() {
  const t = useCodesTexts();
  const count = { type: "number", min: 1, inputMode: "numeric", required: true } as const;
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
        <TextField
          name="amount"
          label={t("amountUsd")}
          required
          inputMode="decimal"
          pattern="\d{1,9}(\.\d{1,9})?"
          title={t("amountTitle")}
          autoComplete="off"
        />
        <TextField {...count} name="count" label={t("count")} max={1_000} defaultValue={1} />
        <TextField
          name="prefix"
          label={t("prefix")}
          hint={t("prefixHint")}
          isOptional
          maxLength={16}
          autoComplete="off"
          className="font-mono"
        />
        <TextField {...count} name="max_uses" label={t("maxUses")} max={1_000_000} defaultValue={1} />
        <SelectField
          name="once_per_tenant"
          label={t("onceField")}
          options={[
            ["no", t("no")],
            ["yes", t("yes")],
          ]}
        />
        <TextField name="expires_at" label={t("expiresField")} type="date" isOptional />
      </div>
    </>
  );
}

/** What scrolls must be reached by keyboard. */
const scrollStop = 0;

function Made({
  batch: { name, codes },
  onClose,
}: {
  readonly batch: CreateCodesResponse;
  readonly onClose: () => void;
}) {
  const t = useCodesTexts();
  const save = () => {
    const column = { id: "code", title: t("code"), cell: (code: string) => code, csv: (code: string) => code };
    saveCsv(`codes-${name}.csv`, [column], codes);
  };
  return (
    <>
      <p className="text-ink-soft">{t("madeHint")}</p>
      <div className="mt-3 flex items-start gap-2 rounded-lg border border-line bg-sunken py-1 pr-1 pl-3">
        <section
          aria-label={t("title")}
          tabIndex={scrollStop}
          className="max-h-60 min-w-0 flex-1 overflow-y-auto py-1.5"
        >
          <pre data-testid="codes" className="font-mono text-[13px] leading-relaxed whitespace-pre-wrap">
            {codes.join("\n")}
          </pre>
        </section>
        <CopyButton text={codes.join("\n")} />
      </div>
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={save}>
          <Download aria-hidden className="size-4" />
          CSV
        </Button>
        <Button look="primary" onClick={onClose}>
          {t("done")}
        </Button>
      </div>
    </>
  );
}

function toBody(values: FormValues) {
  const { name = "", amount = "", count, prefix, max_uses, once_per_tenant, expires_at } = values;
  return {
    ...{ name, amount, count: Number(count), max_uses: Number(max_uses), once_per_tenant: once_per_tenant === "yes" },
    ...(prefix !== undefined && { prefix: prefix.toUpperCase() }),
    ...(expires_at !== undefined && { expires_at: endOfDay(expires_at) }),
  };
}
