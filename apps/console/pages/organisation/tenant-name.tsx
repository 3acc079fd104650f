import { Form, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Section } from "../../ui/section.tsx";
import { useOrganisationTexts } from "./texts.ts";
import { type Tenant, useChangeTenant } from "./use-change-tenant.ts";

export function TenantName({ tenant }: { readonly tenant: Tenant }) {
  const t = useOrganisationTexts();
  const change = useChangeTenant(tenant);
  return (
    <Section title={t("nameTitle")} hint={t("nameHint")}>
      <Form onSend={({ name }) => change({ name })}>
        <TextField
          name="name"
          label={t("name")}
          defaultValue={tenant.name}
          required
          maxLength={100}
          autoComplete="off"
        />
        <FormButtons act={t("saveName")} />
      </Form>
    </Section>
  );
}
