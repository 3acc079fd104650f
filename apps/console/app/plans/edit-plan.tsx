import { putPlan } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import type { Plan } from "./plan.ts";
import { usePlanTexts } from "./texts.ts";

const ppmPerPercent = 10_000;

/** Makes a plan, or gives `plan` another mark-up, description or bound of credit; for calls from then on. */
export function EditPlan({
  plan,
  onClose,
  onSaved,
}: {
  readonly plan?: Plan;
  readonly onClose: () => void;
  readonly onSaved: (said: string) => Promise<void>;
}) {
  const t = usePlanTexts();
  const save = useUiTexts()("save");
  const send = async (values: FormValues) => {
    const name = plan?.name ?? values["name"] ?? "";
    const { description = "", max_credit_limit, markup_ppm = "0" } = values;
    await putPlan({
      path: { name },
      body: { description, max_credit_limit, markup_ppm: Math.round(Number(markup_ppm) * ppmPerPercent) },
    });
    await onSaved(t("wasSaved", { name }));
    onClose();
  };
  return (
    <Dialog
      isOpen
      onClose={onClose}
      closesOutside={false}
      title={plan ? t("editTitle", { name: plan.name }) : t("createTitle")}
      description={t("editHint")}
    >
      <Form onSend={send}>
        {!plan && (
          <TextField
            {...{ name: "name", label: t("name"), hint: t("nameHint"), pattern: "[a-z0-9][a-z0-9._\\-]{0,62}" }}
            title={t("nameHint")}
            required
            autoFocus
            autoComplete="off"
          />
        )}
        <TextField
          {...{ name: "markup_ppm", label: t("markupField"), hint: t("markupHint"), inputMode: "decimal" }}
          pattern="-?\d{1,5}(\.\d{1,4})?"
          title={t("markupTitle")}
          required
          autoComplete="off"
          defaultValue={plan ? String(plan.markup_ppm / ppmPerPercent) : "0"}
        />
        <TextField
          {...{ name: "max_credit_limit", label: t("creditField"), hint: t("creditHint"), inputMode: "decimal" }}
          isOptional
          autoComplete="off"
          defaultValue={plan?.max_credit_limit}
        />
        <TextField
          {...{ name: "description", label: t("about"), maxLength: 1_000, autoComplete: "off" }}
          isOptional
          defaultValue={plan?.description}
        />
        <FormButtons act={plan ? save : t("create")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
