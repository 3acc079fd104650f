import type { Histogram, Registry } from "prom-client";
import type { OtelName } from "./otlp-metrics.ts";

export interface PlainHistogramOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  /** Upper bounds in rising order. */
  readonly buckets: readonly number[];
  /** What OpenTelemetry calls it, where it has a name for that. */
  readonly otel?: OtelName<Label>;
}

/** One series. */
interface Series {
  readonly labels: Readonly<Record<string, string>>;
  /** Observations up to each bound and above the one before, and above all bounds last. */
  readonly counts: number[];
  sum: number;
}

/**
 * A histogram on `registry` that is written as plain numbers: an observation takes some nanoseconds, where prom-client's own puts
 * its labels together and looks for them each time. Gives the way to a series, to be kept by whoever observes often.
 */
export function createPlainHistogram<Label extends string>(
  registry: Registry,
  { name, help, labelNames, buckets, otel }: PlainHistogramOptions<Label>,
): (labels: Readonly<Record<Label, string>>) => (value: number) => void {
  const known = new Map<string, Series>();

  function seriesOf(labels: Readonly<Record<Label, string>>): Series {
    const key = JSON.stringify(labelNames.map((label) => labels[label]));
    let series = known.get(key);
    if (!series) {
      series = { labels, counts: Array(buckets.length + 1).fill(0), sum: 0 };
      known.set(key, series);
    }
    return series;
  }

  // What the registry asks of a metric (prom-client 15.1.3, lib/registry.js); its types name its own classes only.
  const metric = {
    ...{ name, help, type: "histogram", aggregator: "sum" },
    get: () => ({
      name,
      help,
      type: "histogram",
      aggregator: "sum",
      otel,
      values: [...known.values()].flatMap(toValues),
    }),
    reset: () => known.clear(),
  };

  function toValues({ labels, counts, sum }: Series) {
    let count = 0;
    const upTo = counts.map((added, index) => {
      count += added;
      return { metricName: `${name}_bucket`, labels: { le: buckets[index] ?? "+Inf", ...labels }, value: count };
    });
    return [
      ...upTo,
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }

  registry.registerMetric(metric as unknown as Histogram);
  return (labels) => {
    const series = seriesOf(labels);
    return (value) => {
      let index = 0;
      while (index < buckets.length && value > (buckets[index] as number)) index++;
      series.counts[index] = (series.counts[index] ?? 0) + 1;
      series.sum += value;
    };
  };
}
