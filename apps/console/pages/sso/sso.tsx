import { Link, useNavigate } from "@tanstack/react-router";
import { LogIn } from "lucide-react";
import { listSsoConnections } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import type { Connection } from "../../app/sso/connection.ts";
import { useSsoParts } from "../../app/sso/texts.ts";
import { AddButton } from "../../ui/add-button.tsx";
import { Address } from "../../ui/address.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { CreateConnection } from "./create-connection.tsx";
import { useSsoTexts } from "./texts.ts";

/** The identity providers by which people of the tenant sign in. */
export function Page() {
  const t = useSsoTexts();
  const parts = useSsoParts();
  const navigate = useNavigate();
  const { open, setOpen, close, changed } = useListDialog<"create">("sso");
  const create = <AddButton text={t("create")} onClick={() => setOpen("create")} />;
  const show = (id: string) => navigate({ to: paths.ssoConnection(id) } as never);
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="sso"
        columns={useColumns()}
        rowKey={({ id }) => id}
        load={loadConnections}
        searchField="q"
        filters={[
          {
            ...{ name: "kind", label: parts("kind") },
            options: (["oidc", "saml"] as const).map((kind) => [kind, parts(`kind.${kind}`)] as const),
          },
          {
            ...{ name: "status", label: parts("status") },
            options: (["enabled", "disabled"] as const).map((one) => [one, parts(one)] as const),
          },
        ]}
        onOpen={({ id }) => void show(id)}
        empty={
          <EmptyState icon={<LogIn aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
      />
      {open && (
        <CreateConnection
          onClose={close}
          onMade={async ({ id }) => {
            await changed();
            // Its addresses are what the provider asks for next.
            await show(id);
          }}
        />
      )}
    </>
  );
}

const partyOf = (connection: Connection) => (connection.kind === "oidc" ? connection.issuer : connection.entity_id);

const loadConnections = narrowHere(
  ["q", "kind", "status"],
  (query, signal) => listSsoConnections({ query: { limit: 50, ...query } as never }, { signal }),
  (connection: Connection, { q, kind, status }) =>
    has([connection.name, partyOf(connection), ...connection.domains], q) &&
    (!kind || connection.kind === kind) &&
    (!status || connection.enabled === (status === "enabled")),
);

function useColumns(): readonly Column<Connection>[] {
  const t = useSsoTexts();
  const parts = useSsoParts();
  return [
    {
      ...{ id: "name", title: parts("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ id, name }) => (
        <Link
          to={paths.ssoConnection(id)}
          className="inline-block min-w-24 font-medium underline-offset-2 hover:underline"
          onClick={(event) => event.stopPropagation()}
        >
          {name}
        </Link>
      ),
    },
    {
      ...{ id: "kind", title: parts("kind"), csv: ({ kind }) => kind, sort: ({ kind }) => kind, isMinor: true },
      cell: ({ kind }) => <span className="whitespace-nowrap">{parts(`kind.${kind}`)}</span>,
    },
    {
      ...{ id: "party", title: parts("provider"), csv: partyOf, isMinor: true },
      cell: (connection) => <span className="wrap-break-word text-ink-soft">{partyOf(connection)}</span>,
    },
    {
      ...{ id: "status", title: parts("status"), csv: ({ enabled }) => parts(enabled ? "enabled" : "disabled") },
      cell: ({ enabled, enforced }) => (
        <span className="flex flex-wrap gap-1">
          <Badge tone={enabled ? "good" : "neutral"}>{parts(enabled ? "enabled" : "disabled")}</Badge>
          {enforced && <Badge tone="accent">{parts("enforced")}</Badge>}
        </span>
      ),
    },
    {
      ...{ id: "domains", title: parts("domains"), csv: ({ domains }) => domains.join(" ") },
      cell: ({ domains }) =>
        domains.length === 0 ? (
          <span className="text-ink-soft">{parts("none")}</span>
        ) : (
          domains.map((domain) => (
            <span key={domain} className="block">
              <Address text={domain} />
            </span>
          ))
        ),
    },
    {
      ...{ id: "changed", title: t("changed"), isMinor: true },
      ...{ csv: ({ updated_at }) => updated_at, sort: ({ updated_at }) => updated_at },
      cell: ({ updated_at }) => <Time at={updated_at} />,
    },
  ];
}
