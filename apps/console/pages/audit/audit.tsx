import { ScrollText } from "lucide-react";
import { useState } from "react";
import { listAllAuditEntries, listAuditEntries } from "../../api/gen/client.ts";
import { acts, areas, subjects, wordsOf } from "../../app/audit/acts.ts";
import { useLanguage } from "../../app/language.ts";
import { useRoles } from "../../app/people/use-roles.ts";
import { useSearchState } from "../../app/search.ts";
import { useCan } from "../../app/session.ts";
import { useTenants } from "../../app/tenants/use-tenants.ts";
import { Choice } from "../../ui/choice.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import type { ListQuery } from "../../ui/list-page.ts";
import { EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Time } from "../../ui/values.tsx";
import type { AuditEntry } from "./audit-entry.ts";
import { Entry } from "./entry.tsx";
import { Export } from "./export.tsx";
import { useAuditTexts } from "./texts.ts";
import { useSubjectNames } from "./use-subject-names.ts";
import { Verify } from "./verify.tsx";

const dayMs = 86_400_000;
const ranges = { "24h": dayMs, "7d": 7 * dayMs, "30d": 30 * dayMs, "365d": 365 * dayMs } as const;
type Range = keyof typeof ranges;
const views = ["own", "platform", "all"] as const;

/** What was done in the tenant, by whom, to what, and from where; for operators also to the platform, and everywhere. */
export function Page() {
  const t = useAuditTexts();
  const language = useLanguage();
  const [shown, setShown] = useState<AuditEntry>();
  const [search] = useSearchState();
  const mayAll = useCan()("platform:audit");
  const view = mayAll ? (views.find((one) => one === search["view"]) ?? "own") : "own";
  const tenants = useTenants();
  const nameOf = useSubjectNames();
  const tenant_id = view === "platform" ? "platform" : search["tenant_id"];
  const load = (query: ListQuery, signal?: AbortSignal) => {
    const asked = { ...toQuery(query), limit: 50 };
    return view === "own"
      ? listAuditEntries({ query: asked as never }, { signal })
      : listAllAuditEntries({ query: { ...asked, tenant_id } as never }, { signal });
  };
  const asked = [search["actor_id"], search["subject_id"]].filter((id) => id !== undefined);
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t(`description.${view}`)}
        actions={
          <>
            {(view !== "all" || tenant_id) && <Verify logOf={view === "own" ? undefined : tenant_id} />}
            <Export query={{ ...toQuery(search), ...(view !== "own" && { tenant_id }) }} isOfAll={view !== "own"} />
          </>
        }
      />
      {mayAll && <Views view={view} />}
      <DataTable
        key={view}
        name="audit"
        of={`${view} ${tenant_id ?? ""}`}
        columns={useColumns(nameOf, setShown, view === "all")}
        rowKey={({ id }) => id}
        load={load}
        searchField="q"
        onOpen={setShown}
        filters={[
          {
            name: "range",
            label: t("range"),
            options: (Object.keys(ranges) as Range[]).map((name) => [name, t(`range.${name}`)] as const),
          },
          {
            ...{ name: "act", label: t("act") },
            options: Object.keys(areas).map((area) => [`${area}.*`, wordsOf(areas, area, language)] as const),
          },
          ...(view === "all" && tenants.options.length > 1
            ? [{ name: "tenant_id", label: t("tenant"), options: tenants.options }]
            : []),
          // Chosen elsewhere, by a link of a person: shown as chips, and taken away here.
          ...(asked.length > 0
            ? [
                { name: "actor_id", label: t("actor"), options: asked.map((id) => [id, nameOf(id)] as const) },
                { name: "subject_id", label: t("subject"), options: asked.map((id) => [id, nameOf(id)] as const) },
              ]
            : []),
        ]}
        empty={
          <EmptyState icon={<ScrollText aria-hidden className="size-5" />} title={t("emptyTitle")}>
            {t(view === "platform" ? "emptyPlatform" : "empty")}
          </EmptyState>
        }
      />
      {shown && <Entry entry={shown} nameOf={nameOf} onClose={() => setShown(undefined)} />}
    </>
  );
}

function Views({ view }: { readonly view: (typeof views)[number] }) {
  const t = useAuditTexts();
  const [, setSearch] = useSearchState();
  const go = (next: (typeof views)[number]) =>
    setSearch({ view: next === "own" ? undefined : next, tenant_id: undefined, cursor: undefined });
  return (
    <div className="mb-4 flex">
      <Choice label={t("log")} value={view} options={views.map((one) => [one, t(`view.${one}`)])} onChange={go} />
    </div>
  );
}

/** As the API has it: a range is a time from which on. */
function toQuery({ range, act, q, actor_id, subject_id, cursor }: ListQuery): ListQuery {
  const rangeMs = ranges[range as Range];
  const from = rangeMs === undefined ? undefined : new Date(Date.now() - rangeMs).toISOString();
  return { act, q, actor_id, subject_id, from, cursor };
}

function useColumns(
  nameOf: (id: string) => string,
  onOpen: (entry: AuditEntry) => void,
  isOfAll: boolean,
): readonly Column<AuditEntry>[] {
  const t = useAuditTexts();
  const language = useLanguage();
  const { titleOf } = useRoles();
  const actOf = ({ act }: AuditEntry) => wordsOf(acts, act, language);
  /** What it was called then, or is now. */
  const calledIn = (kind: string, id: string, { name, prefix }: AuditEntry["details"]) => {
    if (kind === "role") return titleOf(id);
    if (typeof name === "string") return name;
    // A token has no name: people know it by how it begins.
    return typeof prefix === "string" && prefix !== "" ? `${prefix}…` : nameOf(id);
  };
  return [
    {
      ...{ id: "time", title: t("time"), csv: (entry) => entry.happened_at, sort: (entry) => entry.happened_at },
      isMinor: true,
      cell: (entry) => <Time at={entry.happened_at} />,
    },
    {
      ...{ id: "act", title: t("act"), csv: (entry) => entry.act, sort: actOf },
      cell: (entry) => (
        <>
          <button
            type="button"
            className="min-w-32 text-left font-medium underline-offset-2 hover:underline"
            onClick={(event) => {
              event.stopPropagation();
              onOpen(entry);
            }}
          >
            {actOf(entry)}
          </button>
          <span className="block text-xs wrap-anywhere text-ink-soft md:hidden">
            <Time at={entry.happened_at} /> ·{" "}
            <span className="inline-block" title={entry.actor_id ?? undefined}>
              {entry.actor_id === null ? t("platform") : nameOf(entry.actor_id)}
            </span>
          </span>
        </>
      ),
    },
    ...(isOfAll
      ? [
          {
            ...{ id: "tenant", title: t("tenant"), csv: (entry: AuditEntry) => entry.tenant_id ?? "platform" },
            isMinor: true,
            cell: ({ tenant_id }: AuditEntry) => (
              <span className="whitespace-nowrap">{tenant_id === null ? t("platformItself") : nameOf(tenant_id)}</span>
            ),
          },
        ]
      : []),
    {
      ...{ id: "actor", title: t("actor"), csv: (entry) => entry.actor_id, isMinor: true },
      cell: ({ actor_id, operator_id }) => (
        <>
          <span className="block max-w-48 wrap-break-word" title={actor_id ?? undefined}>
            {actor_id === null ? <span className="text-ink-soft">{t("platform")}</span> : nameOf(actor_id)}
          </span>
          {operator_id !== null && (
            <span className="block text-xs text-warn">{t("operator", { name: nameOf(operator_id) })}</span>
          )}
        </>
      ),
    },
    {
      ...{ id: "subject", title: t("subject"), csv: (entry) => `${entry.subject_kind} ${entry.subject_id}` },
      cell: ({ subject_kind, subject_id, details }) => (
        <>
          <span className="block max-w-40 wrap-break-word md:max-w-56" title={subject_id}>
            {calledIn(subject_kind, subject_id, details)}
          </span>
          <span className="block text-xs text-ink-soft">{wordsOf(subjects, subject_kind, language)}</span>
        </>
      ),
    },
    {
      ...{ id: "address", title: t("address"), csv: (entry) => entry.client_address, isMinor: true },
      cell: (entry) => <span className="text-ink-soft">{entry.client_address ?? "–"}</span>,
    },
  ];
}
