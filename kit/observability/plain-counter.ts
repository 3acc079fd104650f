import type { Counter, Registry } from "prom-client";
import type { OtelName } from "./otlp-metrics.ts";

export interface PlainCounterOptions<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];
  /** What OpenTelemetry calls it, where it has a name for that. */
  readonly otel?: OtelName<Label>;
}

/** A counter on `registry` that is written as a plain number, as `createPlainHistogram` is. Gives the way to a series. */
export function createPlainCounter<Label extends string>(
  registry: Registry,
  { name, help, labelNames, otel }: PlainCounterOptions<Label>,
): (labels: Readonly<Record<Label, string>>) => { value: number } {
  const known = new Map<string, { readonly labels: Readonly<Record<string, string>>; value: number }>();
  // What the registry asks of a metric (prom-client 15.1.3, lib/registry.js); its types name its own classes only.
  const metric = {
    ...{ name, help, type: "counter", aggregator: "sum" },
    get: () => ({ name, help, type: "counter", aggregator: "sum", otel, values: [...known.values()] }),
    reset: () => known.clear(),
  };
  registry.registerMetric(metric as unknown as Counter);
  return (labels) => {
    const key = JSON.stringify(labelNames.map((label) => labels[label]));
    let series = known.get(key);
    if (!series) {
      series = { labels, value: 0 };
      known.set(key, series);
    }
    return series;
  };
}
