import { useState } from "react";
import { type CreateClientBody, type CreateClientResponse, createClient, updateClient } from "../../api/gen/client.ts";
import { CheckField } from "../../ui/check-field.tsx";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, SelectField, TextArea, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { type App, scopes } from "./app.ts";
import { useAppsTexts } from "./texts.ts";

/** Sets a program up, whose secret is shown once, or changes `app`. */
export function EditApp({
  app,
  onClose,
  onSaved,
}: {
  readonly app?: App;
  readonly onClose: () => void;
  readonly onSaved: (said?: string) => Promise<void>;
}) {
  const t = useAppsTexts();
  const parts = useUiTexts();
  const [made, setMade] = useState<CreateClientResponse>();
  const send = async (values: FormValues) => {
    const body = toBody(values);
    if (app) {
      await updateClient({ path: { id: app.id }, header: { "If-Match": `"${app.version}"` }, body });
      await onSaved(t("wasSaved", { name: body.name }));
      return onClose();
    }
    const created = await createClient({ body: { ...body, type: values["type"] as App["type"] } });
    await onSaved();
    return setMade(created);
  };
  if (made) {
    return (
      <Dialog
        isOpen
        onClose={onClose}
        title={made.secret === null ? t("madeTitle") : parts("secretTitle")}
        closesOutside={false}
      >
        <SecretOnce {...(made.secret !== null && { secret: made.secret })} onClose={onClose}>
          <div className="mt-4 grid gap-3">
            <CopyLine name={t("clientId")} text={made.id} />
            <CopyLine name={t("issuer")} text={made.issuer} />
          </div>
        </SecretOnce>
      </Dialog>
    );
  }
  return (
    <Dialog
      isOpen
      isWide
      onClose={onClose}
      closesOutside={false}
      title={app ? t("editTitle", { name: app.name }) : t("createTitle")}
    >
      <Form onSend={send}>
        <Fields {...(app && { app })} />
        <FormButtons act={app ? parts("save") : t("create")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

function Fields({ app }: { readonly app?: App }) {
  const t = useAppsTexts();
  const lines = { rows: 2, spellCheck: false, className: "font-mono text-[13px]" } as const;
  return (
    <>
      <TextField
        {...{ name: "name", label: t("name"), hint: t("nameHint"), maxLength: 100, autoComplete: "off" }}
        required
        autoFocus
        defaultValue={app?.name}
      />
      {!app && (
        <SelectField
          {...{ name: "type", label: t("type"), hint: t("typeHint") }}
          options={(["confidential", "public"] as const).map((type) => [type, t(type)] as const)}
        />
      )}
      <TextArea
        {...{ ...lines, name: "redirect_uris", label: t("redirectUris"), hint: t("redirectHint") }}
        placeholder="https://app.example.com/callback"
        required
        defaultValue={app?.redirect_uris.join("\n")}
      />
      <TextArea
        {...{ ...lines, name: "post_logout_redirect_uris", label: t("logoutUris"), hint: t("logoutHint") }}
        isOptional
        defaultValue={app?.post_logout_redirect_uris.join("\n")}
      />
      <TextField
        {...{ name: "backchannel_logout_uri", label: t("backchannel"), hint: t("backchannelHint"), type: "url" }}
        isOptional
        autoComplete="off"
        defaultValue={app?.backchannel_logout_uri ?? ""}
      />
      <fieldset className="space-y-2">
        <legend className="mb-1.5 text-[13px] font-medium">{t("scopes")}</legend>
        {scopes.map((scope) => (
          <CheckField
            key={scope}
            name={scope}
            label={
              <>
                {t(`scope.${scope}`)} <code className="font-mono text-xs text-ink-soft">{scope}</code>
              </>
            }
            defaultChecked={app ? app.scopes.includes(scope) : ["profile", "email", "groups"].includes(scope)}
          />
        ))}
      </fieldset>
    </>
  );
}

/** Addresses, of which some have commas. */
function linesOf(text = ""): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}

function toBody(values: FormValues): Omit<CreateClientBody, "type"> {
  const { name = "", redirect_uris, post_logout_redirect_uris, backchannel_logout_uri } = values;
  return {
    ...{ name, redirect_uris: linesOf(redirect_uris) },
    post_logout_redirect_uris: linesOf(post_logout_redirect_uris),
    backchannel_logout_uri: backchannel_logout_uri ?? null,
    // Without it, it is no sign-in.
    scopes: ["openid", ...scopes.filter((scope) => values[scope] !== undefined)],
  };
}
