import { putCostPrices } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { fromUnits, toUnits } from "../../ui/values.tsx";
import { type Margin, type Rate, rates } from "./margin.ts";
import { useCostTexts } from "./texts.ts";

/** Sets what a model costs the platform from now on: of `margin`, or of one that is named. */
export function PutCost({
  margin,
  onClose,
  onSaved,
}: {
  readonly margin?: Margin;
  readonly onClose: () => void;
  readonly onSaved: (said: string) => Promise<void>;
}) {
  const t = useCostTexts();
  const save = useUiTexts()("save");
  const send = async (values: FormValues) => {
    const { provider = "", model = "" } = margin ?? values;
    const nanosOf = (rate: Rate) => String(fromUnits(values[rate] ?? ""));
    await putCostPrices({
      body: {
        prices: [
          {
            ...{ provider, model, input_nanos_per_million: nanosOf("input") },
            ...{ cached_input_nanos_per_million: nanosOf("cached"), output_nanos_per_million: nanosOf("output") },
          },
        ],
      },
    });
    await onSaved(t("wasSaved", { model }));
    onClose();
  };
  const known = margin?.cost ?? margin?.price;
  return (
    <Dialog
      isOpen
      onClose={onClose}
      closesOutside={false}
      title={margin ? t("changeTitle", { model: margin.model }) : t("addTitle")}
      description={t("putHint")}
    >
      <Form onSend={send}>
        {!margin && (
          <div className="grid gap-4 sm:grid-cols-2">
            <TextField name="provider" label={t("provider")} required autoFocus maxLength={200} autoComplete="off" />
            <TextField name="model" label={t("model")} required maxLength={200} autoComplete="off" />
          </div>
        )}
        <div className="grid gap-4 sm:grid-cols-3">
          {(["input", "cached", "output"] as const).map((rate) => (
            <TextField
              key={rate}
              {...{ name: rate, label: t(rate), inputMode: "decimal", autoComplete: "off", title: t("rateTitle") }}
              pattern="\d{1,9}(\.\d{1,9})?"
              required
              defaultValue={known ? toUnits(BigInt(known[rates[rate]])) : undefined}
            />
          ))}
        </div>
        {margin && !margin.cost && <p className="text-xs text-ink-soft">{t("fromPrice")}</p>}
        <FormButtons act={save} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
