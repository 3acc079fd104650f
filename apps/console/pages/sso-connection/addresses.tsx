import type { Connection } from "../../app/sso/connection.ts";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Section } from "../../ui/section.tsx";
import { useConnectionTexts } from "./texts.ts";

/** What the provider is told of Lyss. */
export function Addresses({ connection }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  return (
    <Section title={t("addresses")} hint={t("addressesHint")}>
      <div className="grid gap-3">
        {connection.kind === "oidc" ? (
          <>
            <CopyLine name={t("redirectUri")} text={connection.redirect_uri} />
            <CopyLine name={t("backchannelUri")} text={connection.backchannel_logout_uri} />
          </>
        ) : (
          <>
            <CopyLine name={t("spMetadata")} text={connection.sp_metadata_url} />
            <CopyLine name={t("spEntityId")} text={connection.sp_entity_id} />
            <CopyLine name={t("acsUrl")} text={connection.acs_url} />
          </>
        )}
      </div>
    </Section>
  );
}
