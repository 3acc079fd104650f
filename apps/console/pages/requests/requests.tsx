import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { ListTree } from "lucide-react";
import { type ListUsageResponse, listUsage, listUsageSummary } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useListNames } from "../../app/people/use-list-names.ts";
import { useLive } from "../../app/use-live.ts";
import { buttonClass } from "../../ui/button.tsx";
import { callErrors, useCallErrorTexts } from "../../ui/call-error.ts";
import { CallStatusBadge, callStatuses, useCallStatusTexts } from "../../ui/call-status.tsx";
import type { Column } from "../../ui/column.ts";
import { DataTable } from "../../ui/data-table.tsx";
import type { ListQuery } from "../../ui/list-page.ts";
import { Badge, EmptyState, PageHeader } from "../../ui/page-parts.tsx";
import { Duration, Money, Quantity, Time } from "../../ui/values.tsx";
import { useRequestsTexts } from "./texts.ts";

type Call = ListUsageResponse["data"][number];

const hourMs = 3_600_000;
const ranges = { "1h": hourMs, "24h": 24 * hourMs, "7d": 168 * hourMs, "30d": 720 * hourMs } as const;
type Range = keyof typeof ranges;
const rangeNames = Object.keys(ranges) as Range[];
const dayMs = 24 * hourMs;
const listKey = ["list", "requests"] as const;
/** From and up to, in milliseconds and nano-units. */
const durations = { "0-1s": [0, 1_000], "1-5s": [1_000, 5_000], "5-30s": [5_000, 30_000], "30s": [30_000] } as const;
const costs = {
  "0-0.001": ["0", "1000000"],
  "0.001-0.01": ["1000000", "10000000"],
  "0.01-0.1": ["10000000", "100000000"],
  "0.1": ["100000000"],
} as const;
type Span<Value> = readonly [Value, Value?];

/** What was asked of models, attempt by attempt. */
export function Page() {
  const t = useRequestsTexts();
  const status = useCallStatusTexts();
  const error = useCallErrorTexts();
  const navigate = useNavigate();
  const isLive = useLive(listKey);
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
        isSortedByLoad
        searchField="call_id"
        searchHint={t("callIdHint")}
        onOpen={({ id }) => void navigate({ to: paths.request(id) })}
        filters={[
          { name: "range", label: t("range"), options: rangeNames.map((name) => [name, t(`range.${name}`)] as const) },
          { name: "status", label: t("status"), options: callStatuses.map((name) => [name, status(name)] as const) },
          { name: "error", label: t("error"), options: callErrors.map((name) => [name, error(name)] as const) },
          {
            name: "duration",
            label: t("latency"),
            options: Object.keys(durations).map((one) => [one, t(`duration.${one as keyof typeof durations}`)]),
          },
          {
            name: "spend",
            label: t("cost"),
            options: Object.keys(costs).map((one) => [one, t(`spend.${one as keyof typeof costs}`)]),
          },
          {
            name: "streamed",
            label: t("streamed"),
            options: [
              ["true", t("streamed.true")],
              ["false", t("streamed.false")],
            ],
          },
          { name: "model", label: t("model"), options: names.models.map((name) => [name, name] as const) },
          { name: "key_id", label: t("key"), options: [...names.keys] },
          ...(names.groups.length > 0 ? [{ name: "group_id", label: t("group"), options: names.groups }] : []),
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

function loadCalls(asked: ListQuery, signal?: AbortSignal): Promise<ListUsageResponse> {
  const { range, duration, spend, sort, ...query } = asked;
  const rangeMs = ranges[range as Range];
  const from = rangeMs === undefined ? undefined : new Date(Date.now() - rangeMs).toISOString();
  const [minMs, maxMs]: Partial<Span<number>> = durations[duration as keyof typeof durations] ?? [];
  const [minNanos, maxNanos]: Partial<Span<string>> = costs[spend as keyof typeof costs] ?? [];
  const bounds = {
    ...{ min_latency_ms: minMs, max_latency_ms: maxMs, min_cost_nanos: minNanos, max_cost_nanos: maxNanos },
  };
  const order = sort && { sort: sort.replace("-", ""), order: sort.startsWith("-") ? "desc" : "asc" };
  return listUsage({ query: { ...query, ...bounds, ...order, from, limit: 50 } as never }, { signal });
}

interface Names {
  readonly models: readonly string[];
  readonly keys: ReadonlyMap<string, string>;
  readonly groups: readonly (readonly [id: string, name: string])[];
}

/** What there is to filter by: models that were called within thirty days, keys and groups by their names. */
function useNames(): Names {
  const models = useQuery({
    queryKey: ["usage", "models"],
    queryFn: ({ signal }) => {
      const from = new Date(Date.now() - 30 * dayMs).toISOString();
      return listUsageSummary({ query: { unit: "month", group_by: "model", from } }, { signal });
    },
    staleTime: 60_000,
  });
  const keys = useListNames("key").names;
  const groups = useListNames("group").names;
  return {
    groups: [...groups],
    models: [...new Set(models.data?.data.map(({ group }) => group["model"] ?? ""))].sort(),
    keys,
  };
}

function useColumns(keys: ReadonlyMap<string, string>): readonly Column<Call>[] {
  const t = useRequestsTexts();
  const error = useCallErrorTexts();
  const modelOf = ({ model, attempt }: Call) => (
    <>
      <span className="md:whitespace-nowrap">{model}</span>
      {attempt > 1 && <span className="block text-xs text-ink-soft">{t("attempt", { attempt })}</span>}
    </>
  );
  return [
    {
      ...{ id: "time", title: t("time"), csv: (call) => call.started_at, sort: (call) => call.started_at },
      cell: (call) => (
        <Link
          to={paths.request(call.id)}
          className="font-medium underline-offset-2 hover:underline md:whitespace-nowrap"
          onClick={(event) => event.stopPropagation()}
        >
          <Time at={call.started_at} />
          <span className="block min-w-28 text-xs font-normal wrap-anywhere text-ink-soft md:hidden">
            {modelOf(call)}
          </span>
        </Link>
      ),
    },
    {
      ...{ id: "model", title: t("model"), csv: (call) => call.model, isMinor: true },
      cell: modelOf,
    },
    {
      ...{ id: "status", title: t("status"), csv: (call) => call.status },
      cell: ({ status, error: wrong }) => (
        <span className="whitespace-nowrap">
          <CallStatusBadge status={status} />
          {wrong && <span className="block text-xs text-ink-soft">{error(wrong)}</span>}
        </span>
      ),
    },
    {
      ...{ id: "tokens", title: t("tokens"), align: "end", csv: (call) => call.input_tokens + call.output_tokens },
      isMinor: true,
      cell: (call) => (
        <span className="whitespace-nowrap">
          <Quantity value={call.input_tokens} /> / <Quantity value={call.output_tokens} />
        </span>
      ),
    },
    {
      ...{ id: "cost", title: t("cost"), align: "end", csv: (call) => call.cost_nanos },
      sort: (call) => Number(call.cost_nanos),
      cell: (call) => (
        <>
          <Money nanos={call.cost_nanos} />
          <span className="block text-xs text-ink-soft md:hidden">
            <Duration ms={call.latency_ms} />
          </span>
        </>
      ),
    },
    {
      ...{ id: "latency", title: t("latency"), align: "end", csv: (call) => call.latency_ms },
      ...{ sort: (call) => call.latency_ms, isMinor: true },
      cell: (call) => <Duration ms={call.latency_ms} />,
    },
    {
      ...{ id: "first", title: t("firstToken"), align: "end", csv: (call) => call.first_token_ms, isMinor: true },
      cell: (call) => <Duration ms={call.first_token_ms} />,
    },
    {
      ...{ id: "key", title: t("key"), csv: (call) => keys.get(call.key_id) ?? call.key_id, isMinor: true },
      cell: (call) => (
        <span className="whitespace-nowrap text-ink-soft">{(keys.get(call.key_id) ?? call.key_id) || t("noKey")}</span>
      ),
    },
    {
      ...{ id: "provider", title: t("provider"), csv: (call) => call.provider, isMinor: true },
      cell: (call) => <span className="text-ink-soft">{call.provider}</span>,
    },
  ];
}
