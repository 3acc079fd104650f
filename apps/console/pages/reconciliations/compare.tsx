import { useState } from "react";
import { reconcileProvider } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { FileField } from "../../ui/file-field.tsx";
import { Form, type FormValues, TextArea, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { useReconciliationsTexts } from "./texts.ts";
import { useProviders } from "./use-providers.ts";

/** Takes a provider's report, from a file or pasted, and compares it. */
export function Compare({
  onClose,
  onDone,
}: {
  readonly onClose: () => void;
  readonly onDone: (id: string) => Promise<void>;
}) {
  const t = useReconciliationsTexts();
  const providers = useProviders();
  const [csv, setCsv] = useState("");
  const send = async ({ provider = "" }: FormValues) => {
    const { id } = await reconcileProvider({ body: { provider, csv } });
    await onDone(id);
  };
  return (
    <Dialog isOpen isWide onClose={onClose} title={t("compareTitle")} description={t("compareHint")}>
      <Form onSend={send}>
        <TextField
          name="provider"
          label={t("provider")}
          hint={t("providerHint")}
          list="providers"
          required
          maxLength={200}
          autoComplete="off"
        />
        <datalist id="providers">
          {providers.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <FileField label={t("file")} accept=".csv,text/csv" onText={setCsv} />
        <TextArea
          name="csv"
          label={t("report")}
          hint={t("reportHint")}
          required
          rows={7}
          value={csv}
          onChange={(event) => setCsv(event.target.value)}
          placeholder={"day,model,cost\n2026-11-25,gpt-4o-mini,1.25"}
          spellCheck={false}
          className="font-mono text-[13px]"
        />
        <FormButtons act={t("compare")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
