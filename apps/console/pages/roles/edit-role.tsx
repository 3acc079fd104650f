import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { createRole, listPermissions, updateRole } from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { permits, sessionQuery } from "../../app/session.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { PermissionPicker } from "../../ui/permission-picker.tsx";
import { toast } from "../../ui/toast.tsx";
import type { Role } from "./role.ts";
import { useRolesTexts } from "./texts.ts";

/** Makes a role of the tenant's own, or changes `role`. */
export function EditRole({
  role,
  onClose,
  onSaved,
}: {
  readonly role?: Role;
  readonly onClose: () => void;
  readonly onSaved: () => Promise<void>;
}) {
  const t = useRolesTexts();
  const [permissions, setPermissions] = useState<readonly string[]>(role?.permissions ?? []);
  const { data: session } = useQuery(sessionQuery);
  const { data: offered } = useQuery({
    queryKey: ["permissions", useLanguage()],
    queryFn: ({ signal }) => listPermissions({}, { signal }),
  });
  const send = async ({ name = "", title = "", description = "" }: FormValues) => {
    if (role) {
      const header = { "If-Match": `"${role.version}"` };
      await updateRole({ path: { id: "me", name: role.name }, header, body: { title, description, permissions } });
    } else {
      await createRole({ path: { id: "me" }, body: { name, title, description, permissions } });
    }
    await onSaved();
    toast(t("wasSaved", { name: title || name }));
    onClose();
  };
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      closesOutside={false}
      title={role ? t("editTitle", { name: role.title || role.name }) : t("createTitle")}
      description={t("editHint")}
    >
      <Form onSend={send}>
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField
            name="title"
            label={t("titleField")}
            defaultValue={role?.title ?? ""}
            required
            autoFocus
            maxLength={100}
          />
          {!role && (
            <TextField
              {...{ name: "name", label: t("name"), hint: t("nameHint"), autoComplete: "off" }}
              required
              minLength={2}
              maxLength={32}
            />
          )}
        </div>
        <TextField
          name="description"
          label={t("about")}
          defaultValue={role?.description ?? ""}
          isOptional
          maxLength={500}
        />
        <PermissionPicker
          label={t("pick")}
          offered={offered?.data ?? []}
          chosen={permissions}
          isDisabled={(permission) => !permits(session?.permissions ?? [], permission)}
          onChange={setPermissions}
        />
        <FormButtons act={role ? t("save") : t("create")} onClose={onClose} isDisabled={permissions.length === 0} />
      </Form>
    </Dialog>
  );
}
