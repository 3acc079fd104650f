import { createSsoConnection } from "../../api/gen/client.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { CheckField } from "../../ui/check-field.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import type { Connection } from "./connection.ts";
import { useSsoTexts } from "./texts.ts";

/** Connects a provider that speaks OpenID Connect. It is out of use until it was tested and is put into use. */
export function CreateConnection({
  onClose,
  onMade,
}: {
  readonly onClose: () => void;
  readonly onMade: (connection: Connection) => Promise<void>;
}) {
  const t = useSsoTexts();
  const { options } = useRoles();
  const send = async (values: FormValues) => {
    const { name = "", issuer = "", client_id = "", client_secret, domains = "", default_role } = values;
    const made = await createSsoConnection({
      body: {
        ...{ kind: "oidc", enabled: false, name, issuer, client_id, client_secret },
        domains: domains.split(/[\s,，]+/).filter(Boolean),
        create_people: values["create_people"] !== undefined,
        default_role: default_role ?? null,
      },
    });
    await onMade(made);
  };
  const roles = options.filter(([name]) => name !== "owner");
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      closesOutside={false}
      title={t("createTitle")}
      description={t("createHint")}
    >
      <Form onSend={send}>
        <TextField
          name="name"
          label={t("name")}
          hint={t("nameHint")}
          required
          autoFocus
          maxLength={100}
          autoComplete="off"
        />
        <TextField
          {...{ name: "issuer", label: t("issuer"), hint: t("issuerHint"), type: "url" }}
          placeholder="https://login.example.com"
          required
          autoComplete="off"
        />
        <div className="grid gap-4 sm:grid-cols-2">
          <TextField name="client_id" label={t("clientId")} required autoComplete="off" />
          <TextField
            {...{ name: "client_secret", label: t("clientSecret"), type: "password", autoComplete: "off" }}
            isOptional
          />
        </div>
        <TextField
          {...{ name: "domains", label: t("domains"), hint: t("domainsHint"), placeholder: "example.com" }}
          isOptional
          autoComplete="off"
        />
        <CheckField name="create_people" label={t("createPeople")} hint={t("createPeopleHint")} />
        <SelectField name="default_role" label={t("defaultRole")} options={[["", t("tenantsRole")], ...roles]} />
        <FormButtons act={t("create")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
