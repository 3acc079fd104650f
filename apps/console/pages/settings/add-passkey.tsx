import { useQuery } from "@tanstack/react-query";
import { type AddPasskeyBody, addPasskey, startPasskey } from "../../api/gen/client.ts";
import { isWithdrawn, makePasskey } from "../../app/passkey.ts";
import { personQuery } from "../../app/session.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { useSettingsTexts } from "./texts.ts";

/** A passkey of this device or of one at hand; the browser asks for it. */
export function AddPasskey({
  onClose,
  onAdded,
}: {
  readonly onClose: () => void;
  readonly onAdded: (codes: readonly string[]) => Promise<void>;
}) {
  const t = useSettingsTexts();
  const { data: person } = useQuery(personQuery);
  const send = async ({ name }: FormValues) => {
    const question = await startPasskey({ body: { account_name: person?.email } });
    const response = await makePasskey<AddPasskeyBody["response"]>(question).catch((err: unknown) => {
      if (isWithdrawn(err)) throw new Error(t("passkeyWithdrawn"));
      // The browser already holds one for this account (Web Authentication, 5.1.3).
      if (err instanceof DOMException && err.name === "InvalidStateError") throw new Error(t("passkeyKnown"));
      throw err;
    });
    const { recovery_codes } = await addPasskey({ body: { name, response } });
    await onAdded(recovery_codes);
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("passkeyTitle")} description={t("passkeyHint")}>
      <Form onSend={send}>
        <TextField
          {...{ name: "name", label: t("factorName"), hint: t("passkeyNameHint") }}
          required
          autoFocus
          maxLength={60}
          autoComplete="off"
        />
        <FormButtons act={t("makePasskey")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
