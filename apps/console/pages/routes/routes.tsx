import { useNavigate } from "@tanstack/react-router";
import { Split, Trash2 } from "lucide-react";
import { type ListRoutesResponse, listRoutes, removeRoute } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useCan } from "../../app/session.ts";
import { AddButton } from "../../ui/add-button.tsx";
import type { Column } from "../../ui/column.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { DataTable } from "../../ui/data-table.tsx";
import { has, narrowHere } from "../../ui/narrow-here.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { RowMenu } from "../../ui/row-menu.tsx";
import { strategyNames, useStrategyTexts } from "../../ui/strategies.ts";
import { useUiTexts } from "../../ui/texts.ts";
import { useListDialog } from "../../ui/use-list-dialog.ts";
import { Time } from "../../ui/values.tsx";
import { useRouteListTexts } from "./texts.ts";

type Route = ListRoutesResponse["data"][number];

/** Names that go to several targets. */
export function Page() {
  const t = useRouteListTexts();
  const can = useCan();
  const navigate = useNavigate();
  const parts = useUiTexts();
  const nameOf = useStrategyTexts();
  const strategies = strategyNames.map((one) => [one, nameOf(one)] as const);
  const { open: removing, setOpen: setRemoving, close, changed } = useListDialog<Route>("routes");
  const open = (name?: string) => void navigate({ to: paths.route(), search: { name } } as never);
  const create = can("provider:create") && <AddButton text={t("create")} onClick={() => open()} />;
  const remove = async ({ name }: Route) => {
    await removeRoute({ path: { name } });
    await changed(t("wasRemoved", { name }));
  };
  return (
    <>
      <PageHeader title={t("title")} description={t("description")} actions={create} />
      <DataTable
        name="routes"
        columns={useColumns()}
        rowKey={({ name, source }) => `${source} ${name}`}
        load={loadRoutes}
        searchField="q"
        filters={[{ name: "strategy", label: t("strategy"), options: strategies }]}
        empty={
          <EmptyState icon={<Split aria-hidden className="size-5" />} title={t("emptyTitle")} action={create}>
            {t("empty")}
          </EmptyState>
        }
        onOpen={({ name }) => open(name)}
        actions={(route) =>
          route.source === "tenant" &&
          can("provider:delete") && (
            <RowMenu
              label={parts("actionsOf", { name: route.name })}
              acts={[{ text: t("remove"), icon: Trash2, isDanger: true, act: () => setRemoving(route) }]}
            />
          )
        }
      />
      {removing && (
        <Confirm
          isOpen
          onClose={close}
          title={t("removeTitle", { name: removing.name })}
          losses={[t("removeLoss", { name: removing.name })]}
          act={t("remove")}
          onConfirm={() => remove(removing)}
        />
      )}
    </>
  );
}

const loadRoutes = narrowHere(
  ["q", "strategy"],
  (query, signal) => listRoutes({ query: { limit: 50, ...query } as never }, { signal }),
  (route: Route, { q, strategy }) =>
    (!strategy || route.strategy === strategy) &&
    has([route.name, ...route.targets.flatMap(({ provider, model }) => [provider ?? null, model ?? null])], q),
);

function useColumns(): readonly Column<Route>[] {
  const t = useRouteListTexts();
  const strategyName = useStrategyTexts();
  const navigate = useNavigate();
  return [
    {
      ...{ id: "name", title: t("name"), csv: ({ name }) => name, sort: ({ name }) => name },
      cell: ({ name, strategy }) => (
        <>
          <button
            type="button"
            className="text-left font-mono text-[13px] font-medium wrap-break-word hover:underline"
            onClick={() => void navigate({ to: paths.route(), search: { name } } as never)}
          >
            {name}
          </button>
          <span className="mt-1 block md:hidden">
            <Badge>{strategyName(strategy)}</Badge>
          </span>
        </>
      ),
    },
    {
      ...{ id: "strategy", title: t("strategy"), csv: ({ strategy }) => strategy, sort: ({ strategy }) => strategy },
      isMinor: true,
      cell: ({ strategy }) => <Badge>{strategyName(strategy)}</Badge>,
    },
    {
      ...{ id: "targets", title: t("targets"), csv: (route) => route.targets.map(nameOfTarget).join("; ") },
      cell: ({ targets }) => (
        <span className="text-ink-soft max-md:wrap-anywhere">{targets.map(nameOfTarget).join(" · ")}</span>
      ),
    },
    {
      ...{ id: "source", title: t("source"), csv: ({ source }) => source, isMinor: true },
      cell: ({ source }) => t(`source.${source}`),
    },
    {
      ...{ id: "version", title: t("version"), csv: ({ version }) => version, align: "end", isMinor: true },
      cell: ({ version }) => <span className="tabular-nums">{version}</span>,
    },
    {
      ...{ id: "updated", title: t("updated"), csv: (route) => route.updated_at, isMinor: true },
      sort: (route) => route.updated_at,
      cell: (route) => <Time at={route.updated_at} />,
    },
  ];
}

function nameOfTarget({ provider, model, route }: Route["targets"][number]): string {
  return route === undefined ? `${provider}/${model}` : `→ ${route}`;
}
