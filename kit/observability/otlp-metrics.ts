import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { GuardedFetch } from "../http/guarded-fetch.ts";
import type { Clock } from "../service/clock.ts";

/** A metric as OpenTelemetry's conventions name it. */
export interface OtelName<Label extends string = string> {
  readonly name: string;
  readonly unit: string;
  /** Names of attributes by label; a label that is empty is no attribute. */
  readonly attributes: Readonly<Record<Label, string>>;
}

export interface OtlpMetricsOptions {
  readonly registry: Pick<Registry, "getMetricsAsJSON">;
  /** Where an OTLP/HTTP receiver takes metrics, such as `http://127.0.0.1:4318/v1/metrics`. */
  readonly otlpUrl: string;
  readonly everyMs: number;
  /** `service.name` and the like. */
  readonly resource: Readonly<Record<string, string>>;
  readonly fetch: GuardedFetch;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Sends all metrics of a registry by OTLP over HTTP, every `everyMs` and once more at the end, as sums since the start: what is lost
 * while the receiver is away is in the next. Gives what ends it, which never rejects.
 */
export function sendMetricsByOtlp(options: OtlpMetricsOptions): () => Promise<void> {
  const { clock, everyMs, log } = options;
  const startMs = clock.nowMs();
  let isFailing = false;
  let isOver = false;
  let cancel = () => {};

  async function send(): Promise<void> {
    try {
      await sendOnce(options, startMs);
      isFailing = false;
    } catch (err) {
      if (!isFailing) log.warn({ err }, "metrics cannot be sent");
      isFailing = true;
    }
  }
  function wait(): void {
    if (!isOver) cancel = clock.setTimer(everyMs, () => void send().then(wait));
  }
  wait();
  return async () => {
    isOver = true;
    cancel();
    await send();
  };
}

async function sendOnce({ registry, otlpUrl, resource, fetch, clock }: OtlpMetricsOptions, startMs: number) {
  const known = (await registry.getMetricsAsJSON()) as unknown as readonly KnownMetric[];
  const times = { startTimeUnixNano: toNanos(startMs), timeUnixNano: toNanos(clock.nowMs()) };
  const metrics = known.filter(({ values }) => values.length > 0).map((metric) => toMetric(metric, times));
  const scopeMetrics = [{ scope: { name: "@lyss/kit" }, metrics }];
  const body = JSON.stringify({
    resourceMetrics: [{ resource: { attributes: toAttributes(resource) }, scopeMetrics }],
  });
  const headers = { "content-type": "application/json" };
  const { ok, status } = await fetch(new URL(otlpUrl), { method: "POST", headers, body });
  if (!ok) throw new Error(`the receiver of metrics answers with status ${status}`);
}

type Labels = Readonly<Record<string, string | number>>;

/** As prom-client gives it (15.1.3), and our own plain metrics. */
interface KnownMetric {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly values: readonly { readonly labels: Labels; readonly value: number; readonly metricName?: string }[];
  readonly otel?: OtelName | undefined;
}

interface Times {
  readonly startTimeUnixNano: string;
  readonly timeUnixNano: string;
}

/** Since the start (opentelemetry/proto/metrics/v1/metrics.proto). */
const aggregationTemporality = 2;

function toMetric(metric: KnownMetric, times: Times): object {
  const { name, help: description, otel, type, values } = metric;
  const about = { name: otel?.name ?? name, description, ...(otel && { unit: otel.unit }) };
  const attributesOf = (labels: Labels) => toAttributes(labels, otel?.attributes);
  if (type === "histogram" || type === "summary") {
    const series = [...Map.groupBy(values, ({ labels }) => JSON.stringify(withoutBound(labels))).values()];
    const dataPoints = series.map((points) => ({
      ...{ ...times, attributes: attributesOf(withoutBound(points[0]?.labels ?? {})) },
      ...(type === "histogram" ? toBuckets(name, points) : toQuantiles(name, points)),
    }));
    return type === "summary"
      ? { ...about, summary: { dataPoints } }
      : { ...about, histogram: { dataPoints, aggregationTemporality } };
  }
  const dataPoints = values.map(({ labels, value }) => ({
    ...{ ...times, attributes: attributesOf(labels), asDouble: value },
  }));
  if (type === "gauge") return { ...about, gauge: { dataPoints } };
  return { ...about, sum: { dataPoints, aggregationTemporality, isMonotonic: true } };
}

type Points = KnownMetric["values"];

function numberOf(points: Points, metricName: string): number {
  return points.find((point) => point.metricName === metricName)?.value ?? 0;
}

/** Prometheus counts up to each bound, OpenTelemetry between two. */
function toBuckets(name: string, points: Points): object {
  const buckets = points.filter(({ metricName }) => metricName === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number(labels["le"])).filter(Number.isFinite);
  const counts = buckets.map(({ value }, at) => String(value - (buckets[at - 1]?.value ?? 0)));
  return {
    ...{ count: String(numberOf(points, `${name}_count`)), sum: numberOf(points, `${name}_sum`) },
    ...{ bucketCounts: counts, explicitBounds: bounds },
  };
}

function toQuantiles(name: string, points: Points): object {
  const quantiles = points.filter(({ labels }) => "quantile" in labels);
  return {
    ...{ count: String(numberOf(points, `${name}_count`)), sum: numberOf(points, `${name}_sum`) },
    quantileValues: quantiles.map(({ labels, value }) => ({ quantile: Number(labels["quantile"]), value })),
  };
}

function withoutBound({ le: _le, quantile: _quantile, ...labels }: Labels): Labels {
  return labels;
}

function toAttributes(labels: Labels, names: Readonly<Record<string, string>> = {}): readonly object[] {
  const told = Object.entries(labels).filter(([, value]) => value !== "");
  return told.map(([label, value]) => ({ key: names[label] ?? label, value: { stringValue: String(value) } }));
}

/** Nanoseconds of the epoch do not fit a number. */
function toNanos(ms: number): string {
  return `${Math.floor(ms)}000000`;
}
