import { useQueryClient } from "@tanstack/react-query";
import { LogIn, Plus } from "lucide-react";
import { useState } from "react";
import { listSsoConnections } from "../../api/gen/client.ts";
import { useSearchState } from "../../app/search.ts";
import { Button } from "../../ui/button.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Time } from "../../ui/values.tsx";
import type { Connection } from "./connection.ts";
import { ConnectionDialog } from "./connection-dialog.tsx";
import { CreateConnection } from "./create-connection.tsx";
import { useSsoTexts } from "./texts.ts";

/** The identity providers by which people of the tenant sign in. */
export function Page() {
  const t = useSsoTexts();
  const cache = useQueryClient();
  const [{ id }, setSearch] = useSearchState();
  const [isCreating, setCreating] = useState(false);
  const refresh = () => cache.invalidateQueries({ queryKey: ["list", "sso"] });
  const create = (
    <Button look="primary" onClick={() => setCreating(true)}>
      <Plus aria-hidden className="size-4" />
      {t("create")}
    </Button>
  );
  const made = async (connection: Connection) => {
    await refresh();
    setCreating(false);
    // Its addresses are what the provider asks for next.
    setSearch({ id: connection.id });
  };
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="sso"
        columns={useColumns((connection) => setSearch({ id: connection.id }))}
        rowKey={(connection) => connection.id}
        load={(query, signal) => listSsoConnections({ query: { ...query, limit: 50 } as never }, { signal })}
        onOpen={(connection) => setSearch({ id: connection.id })}
        empty={
          <EmptyState icon={<LogIn aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
      />
      {isCreating && <CreateConnection onClose={() => setCreating(false)} onMade={made} />}
      {id !== undefined && (
        <ConnectionDialog id={id} onClose={() => setSearch({ id: undefined })} onChanged={refresh} />
      )}
    </>
  );
}

function useColumns(onOpen: (connection: Connection) => void): readonly Column<Connection>[] {
  const t = useSsoTexts();
  const partyOf = (connection: Connection) => (connection.kind === "oidc" ? connection.issuer : connection.entity_id);
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: (connection) => (
        <button
          type="button"
          className="font-medium underline-offset-2 hover:underline"
          onClick={(event) => {
            event.stopPropagation();
            onOpen(connection);
          }}
        >
          {connection.name}
        </button>
      ),
    },
    {
      ...{ id: "kind", title: t("kind"), csv: ({ kind }) => kind },
      cell: ({ kind }) => (kind === "oidc" ? "OpenID Connect" : "SAML"),
    },
    {
      ...{ id: "party", title: t("provider"), csv: partyOf, isMinor: true },
      cell: (connection) => <span className="wrap-anywhere text-ink-soft">{partyOf(connection)}</span>,
    },
    {
      ...{ id: "status", title: t("status"), csv: ({ enabled }) => t(enabled ? "enabled" : "disabled") },
      cell: ({ enabled, enforced }) => (
        <span className="flex flex-wrap gap-1">
          <Badge tone={enabled ? "good" : "neutral"}>{t(enabled ? "enabled" : "disabled")}</Badge>
          {enforced && <Badge tone="accent">{t("enforced")}</Badge>}
        </span>
      ),
    },
    {
      ...{ id: "domains", title: t("domains"), csv: ({ domains }) => domains.join(" ") },
      cell: ({ domains }) => domains.join(", ") || <span className="text-ink-soft">{t("none")}</span>,
    },
    {
      ...{
        id: "changed",
        title: t("changed"),
        csv: (one) => one.updated_at,
        sort: (one) => one.updated_at,
        isMinor: true,
      },
      cell: (one) => <Time at={one.updated_at} />,
    },
  ];
}
