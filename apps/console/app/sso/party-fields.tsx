import { useState } from "react";
import { Choice } from "../../ui/choice.tsx";
import { FileField } from "../../ui/file-field.tsx";
import { type FormValues, TextArea, TextField } from "../../ui/form.tsx";
import { splitList } from "../../ui/split-list.ts";
import type { Connection } from "./connection.ts";
import { useSsoParts } from "./texts.ts";

export type Kind = Connection["kind"];

/** Where the provider is and how it is known: what `readParty` reads. A connection that is given is changed: what is secret stays. */
export function PartyFields({ kind, connection }: { readonly kind: Kind; readonly connection?: Connection }) {
  return kind === "oidc" ? (
    <OidcFields {...(connection?.kind === "oidc" && { connection })} />
  ) : (
    <SamlFields {...(connection?.kind === "saml" && { connection })} />
  );
}

/** What the fields hold, as the API has it. What is left empty is not sent: it stays as it is. */
export function readParty(values: FormValues) {
  const { issuer, client_id, client_secret, scopes, metadata_url, metadata, entity_id, sso_url, certificates } = values;
  const blocks = certificates?.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  return {
    ...{ issuer, client_id, client_secret, metadata_url, metadata, entity_id, sso_url },
    ...(scopes !== undefined && { scopes: splitList(scopes) }),
    ...(certificates !== undefined && { certificates: blocks ?? [certificates] }),
  };
}

function OidcFields({ connection }: { readonly connection?: Extract<Connection, { kind: "oidc" }> }) {
  const t = useSsoParts();
  return (
    <>
      <TextField
        {...{ name: "issuer", label: t("issuer"), hint: t("issuerHint"), type: "url", autoComplete: "off" }}
        placeholder="https://login.example.com"
        required
        defaultValue={connection?.issuer}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField
          {...{ name: "client_id", label: t("clientId"), autoComplete: "off" }}
          required
          defaultValue={connection?.client_id}
        />
        <TextField
          {...{ name: "client_secret", label: t("clientSecret"), type: "password", autoComplete: "off" }}
          {...(connection && { hint: t("keepsSecret") })}
          isOptional
        />
      </div>
      {connection && (
        <TextField
          {...{ name: "scopes", label: t("scopes"), hint: t("scopesHint"), autoComplete: "off" }}
          required
          defaultValue={connection.scopes.join(" ")}
        />
      )}
    </>
  );
}

const sources = ["metadata_url", "metadata", "parts"] as const;

function SamlFields({ connection }: { readonly connection?: Extract<Connection, { kind: "saml" }> }) {
  const t = useSsoParts();
  const [source, setSource] = useState<(typeof sources)[number]>("metadata_url");
  return (
    <>
      <div>
        <p className="mb-1.5 text-[13px] font-medium">{t("metadata")}</p>
        <Choice
          {...{ label: t("metadata"), value: source, onChange: setSource }}
          options={sources.map((one) => [one, t(`source.${one}`)] as const)}
        />
        <p className="mt-1 text-xs text-ink-soft">{t("metadataHint")}</p>
      </div>
      {source === "metadata_url" && (
        <TextField
          {...{ name: "metadata_url", label: t("metadataUrl"), hint: t("metadataUrlHint"), type: "url" }}
          placeholder="https://login.example.com/app/saml/metadata"
          required
          autoComplete="off"
        />
      )}
      {source === "metadata" && <MetadataField />}
      {source === "parts" && (
        <>
          <TextField
            {...{ name: "entity_id", label: t("entityId"), autoComplete: "off" }}
            required
            defaultValue={connection?.entity_id}
          />
          <TextField
            {...{ name: "sso_url", label: t("ssoUrl"), hint: t("ssoUrlHint"), type: "url", autoComplete: "off" }}
            required
            defaultValue={connection?.sso_url}
          />
          <TextArea
            {...{ name: "certificates", label: t("certificates"), rows: 5, spellCheck: false }}
            hint={t(connection ? "keepsCertificates" : "certificatesHint")}
            placeholder="-----BEGIN CERTIFICATE-----"
            className="font-mono text-[13px]"
            {...(connection ? { isOptional: true } : { required: true })}
          />
        </>
      )}
    </>
  );
}

function MetadataField() {
  const t = useSsoParts();
  const [text, setText] = useState("");
  return (
    <>
      <FileField label={t("metadataFile")} accept=".xml,text/xml,application/xml" onText={setText} />
      <TextArea
        {...{ name: "metadata", label: t("metadataXml"), rows: 6, spellCheck: false, value: text }}
        onChange={(event) => setText(event.target.value)}
        placeholder={'<EntityDescriptor entityID="…">'}
        required
        className="font-mono text-[13px]"
      />
    </>
  );
}
