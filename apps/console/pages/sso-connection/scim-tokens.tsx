import { useQuery } from "@tanstack/react-query";
import { Ban, Plus, RefreshCw } from "lucide-react";
import { useState } from "react";
import {
  type CreateScimTokenResponse,
  createScimToken,
  type ListScimTokensResponse,
  listScimTokens,
  revokeScimToken,
  rotateScimToken,
} from "../../api/gen/client.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Form, type FormValues, TextField } from "../../ui/form.tsx";
import { FormButtons } from "../../ui/form-buttons.tsx";
import { Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { RotateSecret } from "../../ui/rotate-secret.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { SecretOnce } from "../../ui/secret-once.tsx";
import { Line, Lines, Section } from "../../ui/section.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { useConnectionTexts } from "./texts.ts";

type Token = ListScimTokensResponse["data"][number];
type Open = { readonly what: "create" } | { readonly what: "rotate" | "revoke"; readonly token: Token };

/** The tokens by which the provider makes, changes and ends accounts by itself. */
export function ScimTokens({ connection: { id, enabled } }: { readonly connection: Connection }) {
  const t = useConnectionTexts();
  const { open, setOpen, close, changed } = useListDialog<Open>("scim-tokens");
  const { data, error, refetch } = useQuery({
    queryKey: ["list", "scim-tokens", id],
    queryFn: ({ signal }) => listScimTokens({ path: { id } }, { signal }),
  });
  return (
    <Section
      title={t("scim")}
      hint={`${t("scimHint")}${enabled ? "" : ` ${t("scimNotYet")}`}`}
      isFlush
      actions={
        <Button size="small" onClick={() => setOpen({ what: "create" })}>
          <Plus aria-hidden className="size-4" />
          {t("createToken")}
        </Button>
      }
    >
      {error && !data ? (
        <div className="p-5">
          <ProblemNote problem={error} onRetry={() => void refetch()} />
        </div>
      ) : !data ? (
        <Loading />
      ) : (
        <Lines>
          {data.data.map((token) => (
            <One key={token.id} token={token} onOpen={(what) => setOpen({ what, token })} />
          ))}
          {data.data.length === 0 && (
            <Line>
              <span className="text-ink-soft">{t("noTokens")}</span>
            </Line>
          )}
        </Lines>
      )}
      {open?.what === "create" && <Create id={id} onClose={close} onMade={changed} />}
      {open?.what === "rotate" && (
        <RotateSecret
          title={t("rotateTitle", { prefix: open.token.prefix })}
          act={t("rotate")}
          onClose={close}
          rotate={async (grace_seconds) => {
            const made = await rotateScimToken({ path: { id, token: open.token.id }, body: { grace_seconds } });
            await changed();
            return made.secret;
          }}
        />
      )}
      {open?.what === "revoke" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("revokeTitle", { prefix: open.token.prefix })}
          losses={[t("revokeLoss1"), t("revokeLoss2")]}
          act={t("revoke")}
          onConfirm={async () => {
            await revokeScimToken({ path: { id, token: open.token.id } });
            await changed(t("wasRevoked"));
          }}
        />
      )}
    </Section>
  );
}

function One({ token, onOpen }: { readonly token: Token; readonly onOpen: (what: "rotate" | "revoke") => void }) {
  const t = useConnectionTexts();
  const parts = useUiTexts();
  const { prefix, last_used_at, expires_at } = token;
  return (
    <Line
      actions={
        <RowMenu
          label={parts("actionsOf", { name: prefix })}
          acts={[
            { text: t("rotate"), icon: RefreshCw, act: () => onOpen("rotate") },
            { text: t("revoke"), icon: Ban, isDanger: true, act: () => onOpen("revoke") },
          ]}
        />
      }
    >
      <code className="font-mono text-[13px] wrap-anywhere">{prefix}…</code>
      <p className="text-[13px] text-ink-soft">
        {t("lastUsed")} <Time at={last_used_at} /> · {t("expires")} <Time at={expires_at} none={parts("noExpiry")} />
      </p>
    </Line>
  );
}

function Create({
  id,
  onClose,
  onMade,
}: {
  readonly id: string;
  readonly onClose: () => void;
  readonly onMade: () => Promise<void>;
}) {
  const t = useConnectionTexts();
  const parts = useUiTexts();
  const [made, setMade] = useState<CreateScimTokenResponse>();
  const send = async ({ expires_in_days: days }: FormValues) => {
    const body = days === undefined ? {} : { expires_in_days: Number(days) };
    setMade(await createScimToken({ path: { id }, body }));
    await onMade();
  };
  if (made) {
    return (
      <Dialog isOpen onClose={onClose} title={parts("secretTitle")} closesOutside={false}>
        <SecretOnce secret={made.secret} onClose={onClose}>
          <div className="mt-4">
            <CopyLine name={t("scimUrl")} text={made.base_url} />
          </div>
        </SecretOnce>
      </Dialog>
    );
  }
  return (
    <Dialog isOpen onClose={onClose} title={t("createTokenTitle")} description={t("createTokenHint")}>
      <Form onSend={send}>
        <TextField
          {...{ name: "expires_in_days", label: t("expiresIn"), hint: t("expiresInHint"), type: "number" }}
          {...{ min: 1, max: 3_650, inputMode: "numeric", defaultValue: 365, autoFocus: true }}
          isOptional
        />
        <FormButtons act={t("createToken")} onClose={onClose} />
      </Form>
    </Dialog>
  );
}
