import { Ban, KeyRound, RefreshCw } from "lucide-react";
import { listKeys, revokeKey, rotateKey } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { RotateSecret } from "../../ui/rotate-secret.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { CreateKey } from "./create-key.tsx";
import type { Key } from "./key.ts";
import { useKeyTexts } from "./texts.ts";

type Open = { readonly what: "create" } | { readonly what: "roll" | "revoke"; readonly key: Key };

/** The keys of a tenant's programs. */
export function Page() {
  const t = useKeyTexts();
  const parts = useUiTexts();
  const can = useCan();
  const { open, setOpen, close, changed } = useListDialog<Open>("keys");
  const create = can("key:create") && <AddButton text={t("create")} onClick={() => setOpen({ what: "create" })} />;
  const actions = (key: Key) =>
    statusOf(key) === "active" && (
      <RowMenu
        label={parts("actionsOf", { name: key.name })}
        acts={[
          can("key:rotate") && { text: t("roll"), icon: RefreshCw, act: () => setOpen({ what: "roll", key }) },
          can("key:delete") && {
            ...{ text: t("revoke"), icon: Ban, isDanger: true, act: () => setOpen({ what: "revoke", key }) },
          },
        ]}
      />
    );
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="keys"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={(query, signal) => listKeys({ query: { ...query, limit: 50 } as never }, { signal })}
        searchField="name_prefix"
        filters={[
          {
            name: "status",
            label: t("status"),
            options: [
              ["active", t("active")],
              ["revoked", t("revoked")],
              ["expired", t("expired")],
            ],
          },
        ]}
        empty={
          <EmptyState icon={<KeyRound aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
        actions={actions}
      />
      {open?.what === "create" && <CreateKey onClose={close} onMade={changed} />}
      {open?.what === "roll" && (
        <RotateSecret
          title={t("rollTitle", { name: open.key.name })}
          act={t("roll")}
          onClose={close}
          rotate={async (grace_seconds) => {
            const { secret } = await rotateKey({ path: { id: open.key.id }, body: { grace_seconds } });
            await changed();
            return secret;
          }}
        />
      )}
      {open?.what === "revoke" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("revokeTitle", { name: open.key.name })}
          losses={[t("revokeLoss1", { prefix: open.key.prefix }), t("revokeLoss2")]}
          act={t("revoke")}
          onConfirm={async () => {
            await revokeKey({ path: { id: open.key.id } });
            await changed(t("wasRevoked", { name: open.key.name }));
          }}
        />
      )}
    </>
  );
}

type Status = "active" | "revoked" | "expired";

function statusOf({ revoked_at, expires_at }: Key): Status {
  if (revoked_at !== null) return "revoked";
  return expires_at !== null && new Date(expires_at).getTime() <= Date.now() ? "expired" : "active";
}

function useColumns(): readonly Column<Key>[] {
  const t = useKeyTexts();
  const limitsOf = useLimits();
  return [
    {
      ...{ id: "name", title: t("name"), csv: (key) => key.name, sort: (key) => key.name },
      cell: (key) => <span className="font-medium">{key.name}</span>,
    },
    {
      ...{ id: "key", title: t("key"), csv: (key) => key.prefix, isMinor: true },
      cell: (key) => <code className="font-mono text-[13px] text-ink-soft">{key.prefix}…</code>,
    },
    {
      ...{ id: "status", title: t("status"), csv: statusOf },
      cell: (key) => <Badge tone={statusOf(key) === "active" ? "good" : "neutral"}>{t(statusOf(key))}</Badge>,
    },
    {
      ...{ id: "limits", title: t("limits"), csv: (key) => limitsOf(key).join("; "), isMinor: true },
      cell: (key) => <span className="text-ink-soft">{limitsOf(key).join(" · ") || t("noLimits")}</span>,
    },
    {
      ...{ id: "used", title: t("lastUsed"), csv: (key) => key.last_used_at, sort: (key) => key.last_used_at ?? "" },
      cell: (key) => <Time at={key.last_used_at} />,
    },
    {
      ...{ id: "expires", title: t("expires"), csv: (key) => key.expires_at, isMinor: true },
      cell: (key) => <Time at={key.expires_at} none={t("never")} />,
    },
    {
      ...{
        id: "created",
        title: t("created"),
        csv: (key) => key.created_at,
        sort: (key) => key.created_at,
        isMinor: true,
      },
      cell: (key) => <Time at={key.created_at} />,
    },
  ];
}

function useLimits(): (key: Key) => readonly string[] {
  const t = useKeyTexts();
  return ({ requests_per_minute, tokens_per_minute, max_concurrent_requests, budget, models }) => [
    ...(requests_per_minute === null ? [] : [t("perMinute", { count: requests_per_minute })]),
    ...(tokens_per_minute === null ? [] : [t("tokensPerMinute", { count: tokens_per_minute })]),
    ...(max_concurrent_requests === null ? [] : [t("atOnce", { count: max_concurrent_requests })]),
    ...(budget === null ? [] : [t(`budget.${budget.period}`, { limit: budget.limit })]),
    ...(models.length === 0 ? [] : [t("models", { count: models.length })]),
  ];
}
