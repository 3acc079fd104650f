import { addTenant } from "../../api/gen/client.ts";
import type { Tenant } from "../../app/tenants/tenant-status.tsx";
import { useTenantTexts } from "../../app/tenants/texts.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";

/** Makes an organisation, which nobody belongs to yet. */
export function CreateTenant({
  onClose,
  onCreated,
}: {
  readonly onClose: () => void;
  readonly onCreated: (tenant: Tenant) => Promise<void>;
}) {
  const t = useTenantTexts();
  const send = async ({ name = "", slug = "", plan }: FormValues) => {
    await onCreated(await addTenant({ body: { name, slug, plan } }));
    onClose();
  };
  return (
    <Dialog isOpen onClose={onClose} closesOutside={false} title={t("create")} description={t("createHint")}>
      <Form onSend={send}>
        <TextField name="name" label={t("name")} required maxLength={100} autoFocus autoComplete="off" />
        <TextField
          {...{ name: "slug", label: t("slug"), hint: t("slugHint"), title: t("slugHint") }}
          {...{ pattern: "[a-z0-9]([a-z0-9\\-]{0,61}[a-z0-9])?", maxLength: 63, autoComplete: "off" }}
          required
        />
        <TextField
          {...{ name: "plan", label: t("plan"), hint: t("planHint"), maxLength: 32, autoComplete: "off" }}
          placeholder="free"
          isOptional
        />
        <FormButtons act={t("create")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
