import { Ban, ShieldOff, Trash2, UserCheck, UserCog } from "lucide-react";
import { useState } from "react";
import { deleteUser, type ListUsersResponse, resetFactors, updateUser } from "../../api/gen/client.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { toast, toastProblem } from "../../ui/toast.tsx";
import { usePeopleTexts } from "./texts.ts";
import { useRoles } from "./use-roles.ts";

export type Person = ListUsersResponse["data"][number];

type Open = "role" | "disable" | "remove" | "reset";

interface ActionsProps {
  readonly person: Person;
  /** What shows people shows them as they are now. */
  readonly onChanged: () => Promise<unknown>;
  readonly onRemoved?: () => Promise<unknown>;
}

/** What an admin does with somebody else. */
export function PersonActions({ person, onChanged, onRemoved }: ActionsProps) {
  const t = usePeopleTexts();
  const parts = useUiTexts();
  const [open, setOpen] = useState<Open>();
  const { id, name, email, version, status } = person;
  const close = () => setOpen(undefined);
  const change = (wanted: "active" | "inactive") =>
    updateUser({ path: { id }, header: { "If-Match": `"${version}"` }, body: { status: wanted } });
  const disable = async () => {
    await change("inactive");
    await onChanged();
    toast(t("wasDisabled", { name }));
  };
  const enable = async () => {
    try {
      await change("active");
      await onChanged();
      toast(t("wasEnabled", { name }));
    } catch (err) {
      toastProblem(err);
    }
  };
  const remove = async () => {
    await deleteUser({ path: { id } });
    await (onRemoved ?? onChanged)();
    toast(t("wasRemoved", { name }));
  };
  return (
    <>
      <RowMenu
        label={parts("actionsOf", { name })}
        acts={[
          { text: t("changeRole"), icon: UserCog, act: () => setOpen("role") },
          status === "active"
            ? { text: t("disable"), icon: Ban, act: () => setOpen("disable") }
            : { text: t("enable"), icon: UserCheck, act: () => void enable() },
          { text: t("resetFactors"), icon: ShieldOff, act: () => setOpen("reset") },
          { text: t("remove"), icon: Trash2, isDanger: true, act: () => setOpen("remove") },
        ]}
      />
      {open === "role" && <ChangeRole {...{ person, onChanged }} onClose={close} />}
      {open === "reset" && <ResetFactors {...{ person, onChanged }} onClose={close} />}
      <Confirm
        isOpen={open === "disable"}
        onClose={close}
        title={t("disableTitle", { name })}
        losses={[t("disableLoss1", { email }), t("disableLoss2"), t("disableLoss3")]}
        act={t("disable")}
        onConfirm={disable}
      />
      <Confirm
        isOpen={open === "remove"}
        onClose={close}
        title={t("removeTitle", { name })}
        losses={[t("removeLoss1", { email }), t("removeLoss2"), t("removeLoss3")]}
        act={t("remove")}
        word={email}
        onConfirm={remove}
      />
    </>
  );
}

function ChangeRole({ person, onChanged, onClose }: ActionsProps & { readonly onClose: () => void }) {
  const t = usePeopleTexts();
  const { options, titleOf } = useRoles();
  const { id, name, version } = person;
  const send = async ({ role = person.role }: FormValues) => {
    await updateUser({ path: { id }, header: { "If-Match": `"${version}"` }, body: { role } });
    await onChanged();
    toast(t("roleChanged", { name, role: titleOf(role) }));
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("roleTitle", { name })}>
      <Form onSend={send}>
        <SelectField
          {...{ name: "role", label: t("role"), hint: t("roleHint"), options }}
          // The tenant's own roles come a moment later, and the person's may be one of them.
          key={options.length}
          defaultValue={person.role}
        />
        <FormButtons act={t("changeRole")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

function ResetFactors({ person, onChanged, onClose }: ActionsProps & { readonly onClose: () => void }) {
  const t = usePeopleTexts();
  const { id, name } = person;
  const send = async ({ reason = "" }: FormValues) => {
    await resetFactors({ path: { id }, body: { reason } });
    await onChanged();
    toast(t("wereReset", { name }));
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} title={t("resetTitle", { name })} description={t("resetHint")}>
      <Form onSend={send}>
        <TextField
          name="reason"
          label={t("reason")}
          hint={t("reasonHint")}
          required
          maxLength={200}
          autoComplete="off"
        />
        <FormButtons act={t("resetFactors")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
