import { renameFactor } from "../../api/gen/client.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import type { Factor } from "./factor.ts";
import { useSettingsTexts } from "./texts.ts";

export function RenameFactor({
  factor,
  onClose,
  onRenamed,
}: {
  readonly factor: Factor;
  readonly onClose: () => void;
  readonly onRenamed: () => Promise<void>;
}) {
  const t = useSettingsTexts();
  const send = async ({ name = "" }: FormValues) => {
    await renameFactor({ path: { id: factor.id }, body: { name } });
    await onRenamed();
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("renameNamed", { name: factor.name })}>
      <Form onSend={send}>
        <TextField
          {...{ name: "name", label: t("factorName"), defaultValue: factor.name }}
          required
          autoFocus
          maxLength={60}
          autoComplete="off"
        />
        <FormButtons act={t("rename")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
