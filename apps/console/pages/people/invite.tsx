import { createInvitation } from "../../api/gen/client.ts";
import { MailLanguageField } from "../../app/people/mail-language-field.tsx";
import { usePeopleTexts } from "../../app/people/texts.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { toast } from "../../ui/toast.tsx";
import { usePeoplePageTexts } from "./texts.ts";

/** Asks somebody to come, by a mail with a link. */
export function Invite({
  isOpen,
  onClose,
  onInvited,
}: {
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly onInvited: () => Promise<void>;
}) {
  const t = usePeoplePageTexts();
  const parts = usePeopleTexts();
  const { options } = useRoles();
  const send = async ({ email = "", role, expires_in_hours, locale }: FormValues) => {
    await createInvitation({
      body: { email, role, expires_in_hours: Number(expires_in_hours), locale: locale as "en_US" },
    });
    await onInvited();
    toast(t("wasInvited", { email }));
    onClose();
  };
  const terms = (["24", "72", "168"] as const).map((hours) => [hours, t(`hours.${hours}`)] as const);
  return (
    <Dialog isOpen={isOpen} onClose={onClose} title={t("inviteTitle")} description={t("inviteHint")}>
      <Form onSend={send}>
        <TextField name="email" type="email" label={t("email")} required autoFocus autoComplete="off" />
        <SelectField
          name="role"
          label={parts("role")}
          options={options}
          defaultValue="member"
          hint={t("inviteRoleHint")}
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <SelectField name="expires_in_hours" label={t("term")} options={terms} defaultValue="72" />
          <MailLanguageField label={t("mailLanguage")} />
        </div>
        <FormButtons act={t("sendInvitation")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
