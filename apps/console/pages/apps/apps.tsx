import { AppWindow, Pencil, RefreshCw, Trash2 } from "lucide-react";
import { deleteClient, listClients, rotateClientSecret } from "../../api/gen/client.ts";
import { AddButton } from "../../ui/add-button.tsx";
import { Address } from "../../ui/address.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { RotateSecret } from "../../ui/rotate-secret.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { useUiTexts } from "../../ui/texts.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { type App, scopes } from "./app.ts";
import { EditApp } from "./edit-app.tsx";
import { useAppsTexts } from "./texts.ts";

type Open = { readonly what: "create" } | { readonly what: "edit" | "rotate" | "remove"; readonly app: App };

/** The programs that the tenant's people sign in to by Lyss, which is their OpenID provider. */
export function Page() {
  const t = useAppsTexts();
  const parts = useUiTexts();
  const { open, setOpen, close, changed } = useListDialog<Open>("apps");
  const create = <AddButton text={t("create")} onClick={() => setOpen({ what: "create" })} />;
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="apps"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadApps}
        searchField="q"
        filters={[
          {
            ...{ name: "type", label: t("type") },
            options: (["confidential", "public"] as const).map((type) => [type, t(type)] as const),
          },
        ]}
        empty={
          <EmptyState icon={<AppWindow aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
        actions={(app) => (
          <RowMenu
            label={parts("actionsOf", { name: app.name })}
            acts={[
              { text: t("edit"), icon: Pencil, act: () => setOpen({ what: "edit", app }) },
              app.type === "confidential" && {
                ...{ text: t("rotate"), icon: RefreshCw, act: () => setOpen({ what: "rotate", app }) },
              },
              { text: t("remove"), icon: Trash2, isDanger: true, act: () => setOpen({ what: "remove", app }) },
            ]}
          />
        )}
      />
      {open?.what === "create" && <EditApp onClose={close} onSaved={changed} />}
      {open?.what === "edit" && <EditApp app={open.app} onClose={close} onSaved={changed} />}
      {open?.what === "rotate" && (
        <RotateSecret
          isAtOnce
          title={t("rotateTitle", { name: open.app.name })}
          act={t("rotate")}
          onClose={close}
          rotate={async () => {
            const { id, version } = open.app;
            const { secret } = await rotateClientSecret({ path: { id }, header: { "If-Match": `"${version}"` } });
            await changed();
            return secret ?? "";
          }}
        />
      )}
      {open?.what === "remove" && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeTitle", { name: open.app.name })}
          losses={[t("removeLoss1", { name: open.app.name }), t("removeLoss2")]}
          act={t("remove")}
          word={open.app.name}
          onConfirm={async () => {
            await deleteClient({ path: { id: open.app.id } });
            await changed(t("wasRemoved", { name: open.app.name }));
          }}
        />
      )}
    </>
  );
}

const loadApps = narrowHere(
  ["q", "type"],
  (query, signal) => listClients({ query: { limit: 50, ...query } as never }, { signal }),
  (app: App, { q, type }) => has([app.name, app.id, ...app.redirect_uris], q) && (!type || app.type === type),
);

function useColumns(): readonly Column<App>[] {
  const t = useAppsTexts();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ id, name }) => (
        <span className="block min-w-32 md:min-w-20">
          <span className="font-medium wrap-break-word">{name}</span>
          <span className="flex items-center gap-1 md:hidden">
            <code className="font-mono text-xs wrap-anywhere text-ink-soft">{id}</code>
            <CopyButton text={id} />
          </span>
        </span>
      ),
    },
    {
      ...{ id: "id", title: t("clientId"), csv: ({ id }) => id, isMinor: true },
      cell: ({ id }) => (
        <span className="flex items-center gap-1">
          <code className="font-mono text-[13px] text-ink-soft">{id}</code>
          <CopyButton text={id} />
        </span>
      ),
    },
    {
      ...{ id: "type", title: t("type"), csv: ({ type }) => t(type), isMinor: true },
      cell: ({ type }) => <span className="block min-w-20">{t(type)}</span>,
    },
    {
      ...{ id: "redirect", title: t("redirectUris"), csv: ({ redirect_uris }) => redirect_uris.join(" ") },
      isMinor: true,
      cell: ({ redirect_uris }) => (
        <span className="text-[13px] text-ink-soft">
          {redirect_uris.map((uri) => (
            <span key={uri} className="block min-w-32">
              <Address text={uri} />
            </span>
          ))}
        </span>
      ),
    },
    {
      ...{ id: "scopes", title: t("scopes"), csv: ({ scopes }) => scopes.join(" "), isMinor: true },
      cell: (app) => (
        <span className="text-[13px] text-ink-soft">
          {scopes
            .filter((scope) => app.scopes.includes(scope))
            .map((scope) => (
              <span key={scope} className="block">
                {t(`scope.${scope}`)}
              </span>
            ))}
        </span>
      ),
    },
    {
      ...{ id: "changed", title: t("changed"), isMinor: true },
      ...{ csv: ({ updated_at }) => updated_at, sort: ({ updated_at }) => updated_at },
      cell: ({ updated_at }) => <Time at={updated_at} />,
    },
  ];
}
