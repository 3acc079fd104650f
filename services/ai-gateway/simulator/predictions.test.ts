import assert from "node:assert/strict";
import { test } from "node:test";
import { createSimulatedPredictions } from "./predictions.ts";

const origins = { api: () => "http://api", streams: () => "http://streams" };
const outcome = { output: ["Hi"], metrics: {}, error: undefined };
/** Starts for ten seconds and runs for twenty. */
const entry = {
  ...{ model: "simulated/m", version: undefined, input: {}, outcome, answer: undefined, behaviour: {} },
  ...{ createdAtMs: 0, startsMs: 10_000, takesMs: 20_000 },
};
const timeOf = (seconds: number) => new Date(seconds * 1_000).toISOString();

function showAt(seconds: number, canceledAtSeconds?: number): readonly unknown[] {
  const predictions = createSimulatedPredictions(origins);
  predictions.create("a", { ...entry });
  if (canceledAtSeconds !== undefined) predictions.cancel("a", canceledAtSeconds * 1_000);
  const shown: Readonly<Record<string, unknown>> = { ...predictions.show("a", seconds * 1_000) };
  return ["status", "started_at", "completed_at"].map((name) => shown[name]);
}

test("a prediction starts, runs and is over as the clock says", () => {
  assert.deepEqual(showAt(0), ["starting", null, null]);
  assert.deepEqual(showAt(10), ["processing", timeOf(10), null]);
  assert.deepEqual(showAt(30), ["succeeded", timeOf(10), timeOf(30)]);
});

test("one that is canceled has begun only if it was given up later, and what is over stays as it is", () => {
  assert.deepEqual(showAt(50, 5), ["canceled", null, timeOf(5)]);
  assert.deepEqual(showAt(50, 15), ["canceled", timeOf(10), timeOf(15)]);
  assert.deepEqual(showAt(50, 40), ["succeeded", timeOf(10), timeOf(30)]);
});

test("a prediction tells how long its model took, without the start and with it", () => {
  const predictions = createSimulatedPredictions(origins);
  predictions.create("a", { ...entry });
  const { metrics }: { readonly metrics?: unknown } = predictions.show("a", 30_000);
  assert.deepEqual(metrics, { predict_time: 20, total_time: 30 });
});
