import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import {
  type CreateServiceClientBody,
  type CreateServiceClientResponse,
  createServiceClient,
  listPermissions,
  updateServiceClient,
} from "../../api/gen/client.ts";
import { useLanguage } from "../../app/language.ts";
import { permits, sessionQuery } from "../../app/session.ts";
import { CopyLine } from "../../ui/copy-line.tsx";
import { endOfDay, toDay } from "../../ui/days.ts";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { PermissionPicker } from "../../ui/permission-picker.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { splitList } from "../../ui/split-list.ts";
import { useUiTexts } from "../../ui/texts.ts";
import { type Proof, ProofFields } from "./proof-fields.tsx";
import { hasKeys, type ServiceClient } from "./service-client.ts";
import { useClientTexts } from "./texts.ts";

/** Makes a client, whose secret is shown once, or changes `client`. */
export function EditClient({
  client,
  onClose,
  onSaved,
}: {
  readonly client?: ServiceClient;
  readonly onClose: () => void;
  readonly onSaved: (said?: string) => Promise<void>;
}) {
  const t = useClientTexts();
  const parts = useUiTexts();
  const [permissions, setPermissions] = useState<readonly string[]>(client?.permissions ?? ["model:call"]);
  const [made, setMade] = useState<CreateServiceClientResponse>();
  const [proof, setProof] = useState<Proof>(client && hasKeys(client) ? (client.jwks ? "jwks" : "jwks_uri") : "secret");
  const send = async (values: FormValues) => {
    const body = toBody(values, t("notJson"));
    if (client) {
      // Who gives permissions answers for them: they stay another's where they stay as they are.
      const isSame = permissions.toSorted().join() === client.permissions.toSorted().join();
      await updateServiceClient({ path: { id: client.id }, body: isSame ? body : { ...body, permissions } });
      await onSaved(t("wasSaved", { name: body.name }));
      return onClose();
    }
    const created = await createServiceClient({ body: { ...body, permissions } });
    await onSaved();
    return setMade(created);
  };
  if (made) {
    return (
      <Dialog
        isOpen
        onClose={onClose}
        title={made.client_secret === null ? t("madeTitle") : parts("secretTitle")}
        closesOutside={false}
      >
        <Made client={made} onClose={onClose} />
      </Dialog>
    );
  }
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      closesOutside={false}
      title={client ? t("editTitle", { name: client.name }) : t("createTitle")}
      description={t("createHint")}
    >
      <Form onSend={send}>
        <Fields {...(client && { client })} />
        {client === undefined || hasKeys(client) ? (
          <ProofFields {...{ proof, onChange: setProof }} {...(client && { client })} />
        ) : null}
        <Picker chosen={permissions} onChange={setPermissions} />
        <FormButtons
          act={client ? parts("save") : t("create")}
          onClose={onClose}
          isDisabled={permissions.length === 0}
        />
      </Form>
    </Dialog>
  );
}

function Fields({ client }: { readonly client?: ServiceClient }) {
  const t = useClientTexts();
  return (
    <>
      <TextField
        {...{ name: "name", label: t("name"), hint: t("nameHint"), maxLength: 100, autoComplete: "off" }}
        required
        autoFocus
        defaultValue={client?.name}
      />
      <TextField
        {...{ name: "description", label: t("about"), maxLength: 1_000, autoComplete: "off" }}
        isOptional
        defaultValue={client?.description}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          {...{ name: "models", label: t("models"), hint: t("modelsHint"), autoComplete: "off" }}
          isOptional
          defaultValue={client?.models.join(", ")}
        />
        <TextField
          {...{ name: "allowed_ips", label: t("addresses"), hint: t("addressesHint"), autoComplete: "off" }}
          placeholder="203.0.113.0/24"
          isOptional
          defaultValue={client?.allowed_ips.join(", ")}
        />
      </div>
      <TextField
        {...{ name: "expires_at", label: t("expiresField"), hint: t("expiresHint"), type: "date" }}
        isOptional
        defaultValue={toDay(client?.expires_at)}
      />
    </>
  );
}

function Picker({
  chosen,
  onChange,
}: {
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}) {
  const t = useClientTexts();
  const { data: session } = useQuery(sessionQuery);
  const { data: offered } = useQuery({
    queryKey: ["permissions", useLanguage()],
    queryFn: ({ signal }) => listPermissions({}, { signal }),
  });
  return (
    <PermissionPicker
      label={t("permissionsField")}
      offered={offered?.data ?? []}
      chosen={chosen}
      isDisabled={(permission) => !permits(session?.permissions ?? [], permission)}
      onChange={onChange}
    />
  );
}

function Made({ client, onClose }: { readonly client: CreateServiceClientResponse; readonly onClose: () => void }) {
  const t = useClientTexts();
  const addresses = (
    <div className="mt-4 grid gap-3">
      <CopyLine name={t("clientId")} text={client.id} />
      <CopyLine name={t("tokenUrl")} text={`${location.origin}/api/v1/auth/token`} />
    </div>
  );
  return (
    <SecretOnce {...(client.client_secret !== null && { secret: client.client_secret })} onClose={onClose}>
      {addresses}
    </SecretOnce>
  );
}

function toBody(values: FormValues, notJson: string): Omit<CreateServiceClientBody, "permissions"> {
  const { name = "", description = "", models, allowed_ips, expires_at, jwks_uri, jwks } = values;
  return {
    ...{ name, description, models: splitList(models), allowed_ips: splitList(allowed_ips) },
    expires_at: endOfDay(expires_at),
    ...(jwks_uri !== undefined && { jwks_uri }),
    ...(jwks !== undefined && { jwks: parseKeys(jwks, notJson) }),
  };
}

function parseKeys(text: string, notJson: string): NonNullable<CreateServiceClientBody["jwks"]> {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(notJson);
  }
}
