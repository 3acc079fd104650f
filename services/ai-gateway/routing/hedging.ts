import type { Clock } from "@lyss/kit/service/clock.ts";
import { Counter, type Registry } from "prom-client";
import type { Target } from "../model.ts";

/** As the configuration has it. */
export interface HedgingSettings {
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** When a call of a route that hedges asks a second target beside the first. */
export interface Hedging {
  /** After how many milliseconds without a byte of an answer: so many of a hundred calls of the target have begun to answer by then. */
  delayMs(target: Target, percentile: number): number;
  /** So long it took from its begin until an answer's first byte, or until nobody waited any more. */
  note(target: Target, ms: number): void;
  /** A second target is asked; and one of two has answered first. */
  noteBegin(): void;
  noteWon(isSecond: boolean): void;
  readonly clock: Clock;
}

/** What came before says little of now. */
const samplesKept = 100;
/** Fewer say nothing of a percentile. */
const samplesNeeded = 20;
const maxTargets = 10_000;

export function createHedging({ minDelayMs, maxDelayMs }: HedgingSettings, clock: Clock, metrics: Registry): Hedging {
  const samplesOf = new Map<string, number[]>();
  const counter = new Counter({
    name: "lyss_gateway_hedges_total",
    help: "Calls that asked a second target beside the first, and which of the two was first.",
    labelNames: ["result"],
    registers: [metrics],
  });
  return {
    clock,
    delayMs(target, percentile) {
      const samples = samplesOf.get(nameOf(target));
      if (!samples || samples.length < samplesNeeded) return maxDelayMs;
      const sorted = samples.toSorted((a, b) => a - b);
      const ms = sorted[Math.ceil((percentile / 100) * sorted.length) - 1] ?? maxDelayMs;
      return Math.min(Math.max(ms, minDelayMs), maxDelayMs);
    },
    note(target, ms) {
      const name = nameOf(target);
      const samples = samplesOf.get(name) ?? [];
      const [oldest] = samplesOf.keys();
      if (samples.length === 0 && samplesOf.size >= maxTargets && oldest !== undefined) samplesOf.delete(oldest);
      samples.push(ms);
      if (samples.length > samplesKept) samples.shift();
      samplesOf.set(name, samples);
    },
    noteBegin: () => counter.inc({ result: "asked" }),
    noteWon: (isSecond) => counter.inc({ result: isSecond ? "second" : "first" }),
  };
}

function nameOf({ provider, model }: Target): string {
  return `${provider.providerId} ${model.name}`;
}
