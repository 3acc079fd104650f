import { useState } from "react";
import { type CreateSsoConnectionBody, createSsoConnection } from "../../api/gen/client.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { type Kind, PartyFields, readParty } from "../../app/sso/party-fields.tsx";
import { useSsoParts } from "../../app/sso/texts.ts";
import { CheckField } from "../../ui/check-field.tsx";
import { Choice } from "../../ui/choice.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { splitList } from "../../ui/split-list.ts";
import { useSsoTexts } from "./texts.ts";

const kinds = ["oidc", "saml"] as const;

/** Connects a provider. It is out of use until it was tested and is put into use. */
export function CreateConnection({
  onClose,
  onMade,
}: {
  readonly onClose: () => void;
  readonly onMade: (connection: Connection) => Promise<void>;
}) {
  const t = useSsoTexts();
  const parts = useSsoParts();
  const { options } = useRoles();
  const [kind, setKind] = useState<Kind>("oidc");
  const send = async (values: FormValues) => {
    const { name = "", domains, default_role, create_people } = values;
    const rules = {
      domains: splitList(domains),
      create_people: create_people !== undefined,
      default_role: default_role ?? null,
    };
    const body = { ...readParty(values), ...rules, kind, name, enabled: false };
    await onMade(await createSsoConnection({ body: body as CreateSsoConnectionBody }));
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
        <Choice
          {...{ label: parts("kind"), value: kind, onChange: setKind }}
          options={kinds.map((one) => [one, parts(`kind.${one}`)] as const)}
        />
        <TextField
          {...{ name: "name", label: parts("name"), hint: parts("nameHint"), maxLength: 100, autoComplete: "off" }}
          required
          autoFocus
        />
        <PartyFields kind={kind} />
        <TextField
          {...{ name: "domains", label: parts("domains"), hint: parts("domainsHint"), placeholder: "example.com" }}
          isOptional
          autoComplete="off"
        />
        <CheckField name="create_people" label={parts("createPeople")} hint={parts("createPeopleHint")} />
        <SelectField
          name="default_role"
          label={parts("defaultRole")}
          options={[["", parts("tenantsRole")], ...roles]}
        />
        <FormButtons act={t("create")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
