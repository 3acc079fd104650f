import { Ban, Bot, CircleCheck, Pencil, RefreshCw, Trash2 } from "lucide-react";
import { listServiceClients, rotateServiceClient, updateServiceClient } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { PermissionNames } from "../../ui/permission-names.tsx";
import { RotateSecret } from "../../ui/rotate-secret.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { toastProblem } from "../../ui/toast.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { EditClient } from "./edit-client.tsx";
import { EndClient } from "./end-client.tsx";
import { hasKeys, type ServiceClient, statusOf } from "./service-client.ts";
import { useClientTexts } from "./texts.ts";

type Open =
  | { readonly what: "create" }
  | { readonly what: "edit" | "rotate" | "disable" | "remove"; readonly client: ServiceClient };

/** The programs of the tenant that act for themselves, by OAuth client credentials. */
export function Page() {
  const t = useClientTexts();
  const parts = useUiTexts();
  const mayChange = useCan()("client:manage");
  const { open, setOpen, close, changed } = useListDialog<Open>("service-clients");
  const create = mayChange && <AddButton text={t("create")} onClick={() => setOpen({ what: "create" })} />;
  const enable = async ({ id, name }: ServiceClient) => {
    try {
      await updateServiceClient({ path: { id }, body: { disabled: false } });
      await changed(t("wasEnabled", { name }));
    } catch (err) {
      toastProblem(err);
    }
  };
  const actions = (client: ServiceClient) => {
    const opens = (what: "edit" | "rotate" | "disable" | "remove") => () => setOpen({ what, client });
    return (
      <RowMenu
        label={parts("actionsOf", { name: client.name })}
        acts={[
          { text: t("edit"), icon: Pencil, act: opens("edit") },
          !hasKeys(client) && { text: t("rotate"), icon: RefreshCw, act: opens("rotate") },
          client.disabled_at === null
            ? { text: t("disable"), icon: Ban, act: opens("disable") }
            : { text: t("enable"), icon: CircleCheck, act: () => void enable(client) },
          { text: t("remove"), icon: Trash2, isDanger: true, act: opens("remove") },
        ]}
      />
    );
  };
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="service-clients"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={(query, signal) => listServiceClients({ query: { ...query, limit: 50 } as never }, { signal })}
        searchField="name_prefix"
        filters={[
          {
            ...{ name: "status", label: t("status") },
            options: (["active", "disabled", "expired"] as const).map((one) => [one, t(one)] as const),
          },
        ]}
        empty={
          <EmptyState icon={<Bot aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
        {...(mayChange && { actions })}
      />
      {open?.what === "create" && <EditClient onClose={close} onSaved={changed} />}
      {open?.what === "edit" && <EditClient client={open.client} onClose={close} onSaved={changed} />}
      {(open?.what === "disable" || open?.what === "remove") && (
        <EndClient client={open.client} what={open.what} onClose={close} onDone={changed} />
      )}
      {open?.what === "rotate" && (
        <RotateSecret
          title={t("rotateTitle", { name: open.client.name })}
          act={t("rotate")}
          onClose={close}
          rotate={async (grace_seconds) => {
            const made = await rotateServiceClient({ path: { id: open.client.id }, body: { grace_seconds } });
            await changed();
            return made.client_secret ?? "";
          }}
        />
      )}
    </>
  );
}

function useColumns(): readonly Column<ServiceClient>[] {
  const t = useClientTexts();
  const parts = useUiTexts();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: (client) => (
        <span className="block min-w-36">
          <span className="font-medium wrap-break-word">{client.name}</span>
          {client.description && <span className="block text-xs text-ink-soft">{client.description}</span>}
          <span className="flex items-center gap-1 md:hidden">
            <code className="font-mono text-xs wrap-anywhere text-ink-soft">{client.id}</code>
            <CopyButton text={client.id} />
          </span>
          <span className="block text-xs text-ink-soft">
            {hasKeys(client) ? t("byKeys") : <code className="font-mono">{client.prefix}…</code>}
          </span>
        </span>
      ),
    },
    {
      ...{ id: "id", title: t("clientId"), csv: ({ id }) => id, isMinor: true },
      cell: ({ id }) => (
        <span className="flex items-center gap-1">
          <code className="font-mono text-xs text-ink-soft">{id}</code>
          <CopyButton text={id} />
        </span>
      ),
    },
    {
      ...{ id: "status", title: t("status"), csv: (client) => t(statusOf(client)) },
      cell: (client) => <Badge tone={statusOf(client) === "active" ? "good" : "neutral"}>{t(statusOf(client))}</Badge>,
    },
    {
      ...{ id: "permissions", title: t("permissions"), csv: ({ permissions }) => permissions.join(" "), isMinor: true },
      cell: ({ permissions }) => (
        <span className="block min-w-40">
          <PermissionNames permissions={permissions} />
        </span>
      ),
    },
    {
      ...{ id: "used", title: t("lastUsed"), csv: (one) => one.last_used_at, sort: (one) => one.last_used_at ?? "" },
      isMinor: true,
      cell: ({ last_used_at }) => <Time at={last_used_at} />,
    },
    {
      ...{ id: "expires", title: t("expires"), csv: (one) => one.expires_at, isMinor: true },
      cell: ({ expires_at }) => <Time at={expires_at} none={parts("noExpiry")} />,
    },
  ];
}
