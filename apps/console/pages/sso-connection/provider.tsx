import { useState } from "react";
import type { Connection } from "../../app/sso/connection.ts";
import { PartyFields, readParty } from "../../app/sso/party-fields.tsx";
import { useSsoParts } from "../../app/sso/texts.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Fact, Section } from "../../ui/section.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { Time } from "../../ui/values.tsx";
import { useConnectionTexts } from "./texts.ts";
import { TryOut } from "./try-out.tsx";
import { useChange } from "./use-change.ts";

/** Where the provider is, whether it works, and whether it is in use. */
export function Provider({ connection }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  const parts = useSsoParts();
  const [isOpen, setOpen] = useState(false);
  return (
    <Section
      title={parts("provider")}
      hint={t("providerHint")}
      actions={
        <Button size="small" onClick={() => setOpen(true)}>
          {t("change")}
        </Button>
      }
    >
      <dl className="mb-5 grid gap-4 sm:grid-cols-2">
        {connection.kind === "oidc" ? (
          <>
            <Fact name={parts("issuer")}>{connection.issuer}</Fact>
            <Fact name={parts("clientId")}>{connection.client_id}</Fact>
            <Fact name={parts("scopes")}>{connection.scopes.join(" ")}</Fact>
          </>
        ) : (
          <>
            <Fact name={parts("entityId")}>{connection.entity_id}</Fact>
            <Fact name={parts("ssoUrl")}>{connection.sso_url}</Fact>
            {connection.certificates.map(({ fingerprint_sha256, expires_at }) => (
              <Fact key={fingerprint_sha256} name={t("certificate")}>
                <code className="font-mono text-xs">{fingerprint_sha256}</code>
                <span className="block text-[13px] text-ink-soft">
                  {t("expires")} <Time at={expires_at} />
                </span>
              </Fact>
            ))}
          </>
        )}
      </dl>
      <TryOut connection={connection} />
      {isOpen && <ChangeProvider connection={connection} onClose={() => setOpen(false)} />}
    </Section>
  );
}

function ChangeProvider({ connection, onClose }: { readonly connection: Connection; readonly onClose: () => void }) {
  const t = useConnectionTexts();
  const parts = useSsoParts();
  const save = useUiTexts()("save");
  const change = useChange(connection);
  const send = async (values: FormValues) => {
    await change({ ...readParty(values), name: values["name"] }, t("wasSaved"));
    onClose();
  };
  return (
    <Dialog isOpen isWide onClose={onClose} closesOutside={false} title={t("changeTitle", { name: connection.name })}>
      <Form onSend={send}>
        <TextField
          {...{ name: "name", label: parts("name"), hint: parts("nameHint"), maxLength: 100, autoComplete: "off" }}
          required
          defaultValue={connection.name}
        />
        <PartyFields kind={connection.kind} connection={connection} />
        <FormButtons act={save} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
