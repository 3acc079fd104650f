import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ListTree } from "lucide-react";
import { type ListUsageResponse, listKeys, listUsage, listUsageSummary } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useCan } from "../../app/session.ts";
import { buttonClass } from "../../ui/button.tsx";
import { CallStatusBadge, callStatuses, useCallStatusTexts } from "../../ui/call-status.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable, type ListQuery } from "../../ui/data-table.tsx";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Money, Quantity, Time } from "../../ui/values.tsx";
import { useRequestsTexts } from "./texts.ts";
import { useLive } from "./use-live.ts";

type Call = ListUsageResponse["data"][number];

const hourMs = 3_600_000;
const ranges = { "1h": hourMs, "24h": 24 * hourMs, "7d": 168 * hourMs, "30d": 720 * hourMs } as const;
type Range = keyof typeof ranges;
const rangeNames = Object.keys(ranges) as Range[];
const dayMs = 24 * hourMs;

/** What was asked of models, attempt by attempt. */
export function Page() {
  const t = useRequestsTexts();
  const status = useCallStatusTexts();
  const navigate = useNavigate();
  const isLive = useLive("requests");
  const names = useNames();
  return (
    <>
      <PageHeader
        title={t("title")}
        description={t("description")}
        actions={<Badge tone={isLive ? "good" : "neutral"}>{t(isLive ? "live" : "paused")}</Badge>}
      />
      <DataTable
        name="requests"
        columns={useColumns(names.keys)}
        rowKey={({ id, attempt }) => `${id}-${attempt}`}
        load={loadCalls}
        onOpen={({ id }) => void navigate({ to: paths.request(id) })}
        filters={[
          { name: "range", label: t("range"), options: rangeNames.map((name) => [name, t(`range.${name}`)] as const) },
          { name: "status", label: t("status"), options: callStatuses.map((name) => [name, status(name)] as const) },
          { name: "model", label: t("model"), options: names.models.map((name) => [name, name] as const) },
          { name: "key_id", label: t("key"), options: [...names.keys] },
        ]}
        empty={
          <EmptyState
            icon={<ListTree aria-hidden className="size-5" />}
            title={t("emptyTitle")}
            action={
              <Link to={paths.start()} className={buttonClass("primary")}>
                {t("start")}
              </Link>
            }
          >
            {t("empty")}
          </EmptyState>
        }
      />
    </>
  );
}

function loadCalls({ range, ...query }: ListQuery, signal?: AbortSignal): Promise<ListUsageResponse> {
  const rangeMs = ranges[range as Range];
  const from = rangeMs === undefined ? undefined : new Date(Date.now() - rangeMs).toISOString();
  return listUsage({ query: { ...query, from, limit: 50 } as never }, { signal });
}

/** What there is to filter by: models that were called within thirty days, and keys by their names. */
function useNames(): { readonly models: readonly string[]; readonly keys: ReadonlyMap<string, string> } {
  const can = useCan();
  const models = useQuery({
    queryKey: ["usage", "models"],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - 30 * dayMs).toISOString();
      return listUsageSummary({ query: { unit: "month", group_by: "model", from } }, { signal });
    },
    staleTime: 60_000,
  });
  const keys = useQuery({
    queryKey: ["list", "keys", "names"],
    queryFn: ({ signal }) => listKeys({ query: { limit: 200 } }, { signal }),
    enabled: can("key:read"),
    staleTime: 60_000,
  });
  return {
    models: [...new Set(models.data?.data.map(({ group }) => group["model"] ?? ""))].sort(),
    keys: new Map(keys.data?.data.map(({ id, name }) => [id, name])),
  };
}

function useColumns(keys: ReadonlyMap<string, string>): readonly Column<Call>[] {
  const t = useRequestsTexts();
  return [
    {
      ...{ id: "time", title: t("time"), csv: (call) => call.started_at, sort: (call) => call.started_at },
      cell: (call) => (
        <Link
          to={paths.request(call.id)}
          className="font-medium whitespace-nowrap underline-offset-2 hover:underline"
          onClick={(event) => event.stopPropagation()}
        >
          <Time at={call.started_at} />
        </Link>
      ),
    },
    {
      ...{ id: "model", title: t("model"), csv: (call) => call.model, sort: (call) => call.model },
      cell: ({ model, attempt }) => (
        <>
          <span className="whitespace-nowrap">{model}</span>
          {attempt > 1 && <span className="block text-xs text-ink-soft">{t("attempt", { attempt })}</span>}
        </>
      ),
    },
    {
      ...{ id: "status", title: t("status"), csv: (call) => call.status },
      cell: ({ status }) => <CallStatusBadge status={status} />,
    },
    {
      ...{ id: "tokens", title: t("tokens"), align: "end", csv: (call) => call.input_tokens + call.output_tokens },
      sort: (call) => call.input_tokens + call.output_tokens,
      cell: (call) => (
        <span className="whitespace-nowrap">
          <Quantity value={call.input_tokens} /> / <Quantity value={call.output_tokens} />
        </span>
      ),
    },
    {
      ...{ id: "cost", title: t("cost"), align: "end", csv: (call) => call.cost_nanos },
      sort: (call) => Number(call.cost_nanos),
      cell: (call) => <Money nanos={call.cost_nanos} />,
    },
    {
      ...{ id: "latency", title: t("latency"), align: "end", csv: (call) => call.latency_ms },
      sort: (call) => call.latency_ms,
      cell: (call) => (
        <span className="whitespace-nowrap">
          <Quantity value={call.latency_ms} unit="ms" />
        </span>
      ),
    },
    {
      ...{ id: "key", title: t("key"), csv: (call) => keys.get(call.key_id) ?? call.key_id, isMinor: true },
      cell: (call) => <span className="text-ink-soft">{(keys.get(call.key_id) ?? call.key_id) || t("noKey")}</span>,
    },
    {
      ...{ id: "provider", title: t("provider"), csv: (call) => call.provider, isMinor: true },
      cell: (call) => <span className="text-ink-soft">{call.provider}</span>,
    },
  ];
}
