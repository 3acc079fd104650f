import { useQuery, useQueryClient } from "@tanstack/react-query";
import { CircleAlert, CircleCheck, CircleX } from "lucide-react";
import { useState } from "react";
import {
  deleteSsoConnection,
  getSsoConnection,
  type TestSsoConnectionResponse,
  testSsoConnection,
  updateSsoConnection,
} from "../../api/gen/client.ts";
import { Button } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { CopyLine } from "../../ui/copy-line.tsx";
import { Dialog } from "../../ui/dialog.tsx";
import { Badge, Loading } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Fact } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import type { Connection } from "./connection.ts";
import { useSsoTexts } from "./texts.ts";

interface Given {
  readonly onClose: () => void;
  readonly onChanged: () => Promise<void>;
}

/** One connection: the addresses that its provider is told, whether it works, and whether it is in use. */
export function ConnectionDialog({ id, onClose, onChanged }: Given & { readonly id: string }) {
  const t = useSsoTexts();
  const { data, error, refetch } = useQuery({
    queryKey: ["sso", id],
    queryFn: ({ signal }) => getSsoConnection({ path: { id } }, { signal }),
  });
  return (
    <Dialog isOpen isWide onClose={onClose} title={data?.name ?? t("title")}>
      {error && !data ? (
        <ProblemNote problem={error} onRetry={() => void refetch()} />
      ) : data ? (
        <Shown connection={data} onClose={onClose} onChanged={onChanged} />
      ) : (
        <Loading />
      )}
    </Dialog>
  );
}

function Shown({ connection, onClose, onChanged }: Given & { readonly connection: Connection }) {
  const t = useSsoTexts();
  const cache = useQueryClient();
  const [asked, setAsked] = useState<"disable" | "remove">();
  const { id, name, version, enabled } = connection;
  const put = async (isEnabled: boolean) => {
    const changed = await updateSsoConnection({
      path: { id },
      header: { "If-Match": `"${version}"` },
      body: { enabled: isEnabled },
    });
    cache.setQueryData(["sso", id], changed);
    await onChanged();
    toast(t(isEnabled ? "wasEnabled" : "wasDisabled", { name }));
  };
  const remove = async () => {
    await deleteSsoConnection({ path: { id } });
    onClose();
    await onChanged();
    toast(t("wasRemoved", { name }));
  };
  return (
    <div className="grid gap-5">
      <Facts connection={connection} />
      <div className="grid gap-3">
        <p className="text-[13px] text-ink-soft">{t("addressesHint")}</p>
        {connection.kind === "oidc" ? (
          <>
            <CopyLine name={t("redirectUri")} text={connection.redirect_uri} />
            <CopyLine name={t("backchannelUri")} text={connection.backchannel_logout_uri} />
          </>
        ) : (
          <>
            <CopyLine name={t("metadataUrl")} text={connection.sp_metadata_url} />
            <CopyLine name={t("spEntityId")} text={connection.sp_entity_id} />
            <CopyLine name={t("acsUrl")} text={connection.acs_url} />
          </>
        )}
      </div>
      <Test connection={connection} enable={() => put(true)} />
      <div className="flex flex-wrap justify-end gap-2 border-t border-line pt-4">
        {enabled && <Button onClick={() => setAsked("disable")}>{t("disable")}</Button>}
        <Button look="danger" onClick={() => setAsked("remove")}>
          {t("remove")}
        </Button>
      </div>
      <Confirm
        isOpen={asked === "disable"}
        onClose={() => setAsked(undefined)}
        title={t("disableTitle", { name })}
        losses={[t("disableLoss")]}
        act={t("disable")}
        onConfirm={() => put(false)}
      />
      <Confirm
        isOpen={asked === "remove"}
        onClose={() => setAsked(undefined)}
        title={t("removeTitle", { name })}
        losses={[t("removeLoss1"), t("removeLoss2")]}
        act={t("remove")}
        word={name}
        onConfirm={remove}
      />
    </div>
  );
}

function Facts({ connection }: { readonly connection: Connection }) {
  const t = useSsoTexts();
  const { enabled, enforced, domains, create_people, group_mapping, role_mapping } = connection;
  return (
    <dl className="grid gap-4 sm:grid-cols-2">
      <Fact name={t("provider")}>{connection.kind === "oidc" ? connection.issuer : connection.entity_id}</Fact>
      <Fact name={t("status")}>
        <span className="flex flex-wrap gap-1">
          <Badge tone={enabled ? "good" : "neutral"}>{t(enabled ? "enabled" : "disabled")}</Badge>
          {enforced && <Badge tone="accent">{t("enforced")}</Badge>}
        </span>
      </Fact>
      {connection.kind === "oidc" && <Fact name={t("clientId")}>{connection.client_id}</Fact>}
      <Fact name={t("domains")}>{domains.join(", ") || t("none")}</Fact>
      <Fact name={t("createPeople")}>{t(create_people ? "yes" : "no")}</Fact>
      <Fact name={t("mappings")}>
        {t("mappingCounts", { groups: group_mapping.length, roles: role_mapping.length })}
      </Fact>
    </dl>
  );
}

const marks = {
  ok: <CircleCheck aria-hidden className="mt-0.5 size-4 shrink-0 text-good" />,
  warning: <CircleAlert aria-hidden className="mt-0.5 size-4 shrink-0 text-warn" />,
  failed: <CircleX aria-hidden className="mt-0.5 size-4 shrink-0 text-bad" />,
} as const;

/** Asks the provider what it says of itself, before people depend on it. */
function Test({ connection, enable }: { readonly connection: Connection; readonly enable: () => Promise<void> }) {
  const t = useSsoTexts();
  const [found, setFound] = useState<TestSsoConnectionResponse>();
  const [busy, setBusy] = useState<"test" | "enable">();
  const [problem, setProblem] = useState<unknown>();
  const run = async (what: "test" | "enable", act: () => Promise<unknown>) => {
    setBusy(what);
    setProblem(undefined);
    try {
      await act();
    } catch (err) {
      setProblem(err);
    } finally {
      setBusy(undefined);
    }
  };
  const test = () => run("test", async () => setFound(await testSsoConnection({ path: { id: connection.id } })));
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <Button isBusy={busy === "test"} onClick={test}>
          {t("test")}
        </Button>
        {!connection.enabled && (
          <Button
            look={found?.works ? "primary" : "secondary"}
            isBusy={busy === "enable"}
            onClick={() => run("enable", enable)}
          >
            {t("enable")}
          </Button>
        )}
      </div>
      {problem !== undefined && <ProblemNote problem={problem} />}
      {found && (
        <div role="status" className="rounded-lg border border-line p-4">
          <p className="font-medium">{t(found.works ? "works" : "worksNot")}</p>
          <ul className="mt-2 grid gap-2">
            {found.findings.map(({ check, result, message }) => (
              <li key={`${check} ${message}`} className="flex items-start gap-2 text-[13px]">
                {marks[result]}
                <span className="min-w-0 wrap-anywhere">
                  <span className="sr-only">{t(`result.${result}`)}: </span>
                  {message}
                </span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
