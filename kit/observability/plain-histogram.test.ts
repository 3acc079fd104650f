import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, Registry } from "prom-client";
import { createPlainHistogram } from "./plain-histogram.ts";

const options = { name: "wait_seconds", help: "Waits.", labelNames: ["route", "kind"] as const, buckets: [0.1, 1, 10] };

test("it says the same as prom-client's own of the same observations", async () => {
  const [plain, own] = [new Registry(), new Registry()];
  const seriesOf = createPlainHistogram(plain, options);
  const histogram = new Histogram({
    ...options,
    labelNames: [...options.labelNames],
    buckets: [...options.buckets],
    registers: [own],
  });
  for (const [route, kind, values] of [
    ["a", "x", [0.1, 0.05, 0.11, 1, 10, 10.5]],
    ["a", 'quo"te', [3]],
    ["b", "x", [0]],
    ["a", "x", [2]],
  ] as const) {
    const observe = seriesOf({ route, kind });
    for (const value of values) {
      observe(value);
      histogram.observe({ route, kind }, value);
    }
  }
  const linesOf = async (registry: Registry) => (await registry.metrics()).split("\n").map(inOrder).sort();
  assert.deepEqual(await linesOf(plain), await linesOf(own));
  plain.resetMetrics();
  assert.doesNotMatch(await plain.metrics(), /wait_seconds_count/);
});

/** Labels may stand in any order. */
function inOrder(line: string): string {
  return line.replace(/\{(.*)\}/, (_all, labels: string) => `{${labels.split(",").sort().join(",")}}`);
}
