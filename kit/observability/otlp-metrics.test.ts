import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Gauge, Registry, Summary } from "prom-client";
import { createFakeClock } from "../testing/fake-clock.ts";
import { sendMetricsByOtlp } from "./otlp-metrics.ts";
import { createPlainCounter } from "./plain-counter.ts";
import { createPlainHistogram } from "./plain-histogram.ts";

const log = pino({ level: "silent" });

type Sent = { readonly name: string; readonly unit?: string } & Record<string, { dataPoints: { asDouble?: number }[] }>;

function start(answers: readonly number[] = []) {
  const registry = new Registry();
  const clock = createFakeClock();
  const bodies: string[] = [];
  const end = sendMetricsByOtlp({
    ...{ registry, clock, log, everyMs: 60_000, otlpUrl: "http://collector:4318/v1/metrics" },
    resource: { "service.name": "thing" },
    fetch: async (url, { method, headers, body }) => {
      assert.deepEqual(
        [url.href, method, headers["content-type"]],
        ["http://collector:4318/v1/metrics", "POST", "application/json"],
      );
      const status = answers[bodies.push(String(body)) - 1] ?? 200;
      return new Response("{}", { status });
    },
  });
  const sent = (n: number): readonly Sent[] => JSON.parse(bodies[n] ?? "{}").resourceMetrics[0].scopeMetrics[0].metrics;
  return { registry, clock, bodies, end, sent };
}

const attribute = (key: string, stringValue: string) => ({ key, value: { stringValue } });

test("each kind of metric is sent in OpenTelemetry's form and by its own name where it has one, when it is time and at the end", async () => {
  const { registry, clock, bodies, end, sent } = start();
  const otel = { name: "thing.wait", unit: "s", attributes: { kind: "thing.kind", error: "error.type" } } as const;
  const waits = createPlainHistogram(registry, {
    ...{ name: "thing_wait_seconds", help: "Waits.", labelNames: ["kind", "error"], buckets: [0.1, 1], otel },
  });
  const observe = waits({ kind: "a", error: "" });
  for (const value of [0.05, 0.1, 0.5, 7]) observe(value);
  createPlainCounter(registry, { name: "things_total", help: "Things.", labelNames: ["kind"] })({
    kind: "a",
  }).value += 3;
  new Gauge({ name: "things_open", help: "Open.", registers: [registry] }).set(2);
  new Summary({ name: "sizes", help: "Sizes.", percentiles: [0.5], registers: [registry] }).observe(4);
  clock.advance(59_999);
  assert.equal(bodies.length, 0);
  const startedAt = clock.nowMs() - 59_999;
  clock.advance(1);
  await new Promise(setImmediate);
  const times = { startTimeUnixNano: `${startedAt}000000`, timeUnixNano: `${startedAt + 60_000}000000` };
  assert.deepEqual(sent(0), [
    {
      ...{ name: "thing.wait", description: "Waits.", unit: "s" },
      histogram: {
        dataPoints: [
          {
            ...{ ...times, attributes: [attribute("thing.kind", "a")] },
            ...{ count: "4", sum: 7.65, bucketCounts: ["2", "1", "1"], explicitBounds: [0.1, 1] },
          },
        ],
        aggregationTemporality: 2,
      },
    },
    {
      ...{ name: "things_total", description: "Things." },
      sum: {
        dataPoints: [{ ...times, attributes: [attribute("kind", "a")], asDouble: 3 }],
        ...{ aggregationTemporality: 2, isMonotonic: true },
      },
    },
    {
      ...{ name: "things_open", description: "Open." },
      gauge: { dataPoints: [{ ...times, attributes: [], asDouble: 2 }] },
    },
    {
      ...{ name: "sizes", description: "Sizes." },
      summary: {
        dataPoints: [{ ...times, attributes: [], count: "1", sum: 4, quantileValues: [{ quantile: 0.5, value: 4 }] }],
      },
    },
  ]);
  assert.match(
    String(bodies[0]),
    /"resource":\{"attributes":\[\{"key":"service.name","value":\{"stringValue":"thing"\}\}\]\}/,
  );
  await end();
  clock.advance(600_000);
  assert.equal(bodies.length, 2, "once more at the end, and then not again");
});

test("a receiver that is away is asked again when it is time, and nothing throws", async () => {
  const { registry, clock, bodies, end, sent } = start([503, 200, 500]);
  const count = createPlainCounter(registry, { name: "things_total", help: "Things.", labelNames: [] })({});
  for (const value of [1, 2]) {
    count.value = value;
    clock.advance(60_000);
    await new Promise(setImmediate);
  }
  assert.equal(bodies.length, 2);
  assert.deepEqual(
    [0, 1].map((n) => sent(n)[0]?.["sum"]?.dataPoints[0]?.asDouble),
    [1, 2],
  );
  await end();
});
