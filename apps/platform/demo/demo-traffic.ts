import type { MessageInitShape } from "@bufbuild/protobuf";
import { CallError, CallOutcome, type UsageFactSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createSequence } from "@lyss/services/ai-gateway/simulator/seeded.ts";
import { type DemoApp, demoApps } from "./demo-world.ts";

/** What of an attempt is made up; who pays for it and at which price is added where that is known. */
export type DemoAttempt = MessageInitShape<typeof UsageFactSchema> & {
  readonly app: DemoApp;
  readonly model: string;
  readonly startedAtMs: bigint;
};

export interface TrafficOptions {
  /** The same seed makes the same traffic. */
  readonly seed: string;
  readonly days: number;
  /** Calls; some have a second attempt. */
  readonly calls: number;
  /** Where it ends. */
  readonly endMs: number;
}

const hourMs = 3_600_000;
const hoursPerDay = 24;
/** Of a working day in UTC, hour by hour: people come, have lunch and go. */
const dayShape = [2, 1, 1, 1, 1, 2, 4, 9, 16, 21, 22, 19, 15, 19, 22, 21, 18, 13, 8, 6, 5, 4, 3, 2] as const;
/** Of jobs that run while people sleep. */
const nightShape = [14, 20, 22, 18, 10, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 8] as const;
const weekShape = [0.25, 1, 1.1, 1.12, 1.05, 0.9, 0.3] as const;
/** How much more is called at the end than at the beginning. */
const growth = 0.6;
/** An hour and a half in which the provider was not well, so many days before the end. */
const incident = { daysBefore: 4, startHour: 9.5, hours: 1.5, failedShare: 0.55 };
const usualShares = { failed: 0.012, canceled: 0.015, truncated: 0.004 };
/** Of failed calls so many are answered by another target. */
const rescuedShare = 0.7;

/**
 * Calls as a company's could have been, oldest first: more by day than by night and in the week than at its end, growing, with one bad
 * morning. Depends on its input alone.
 */
export function makeTraffic({ seed, days, calls, endMs }: TrafficOptions): readonly DemoAttempt[] {
  const sequence = createSequence(`lyss demo ${seed}`);
  const next = () => sequence() / 2 ** 32;
  const firstHourMs = Math.ceil((endMs - days * hoursPerDay * hourMs) / hourMs) * hourMs;
  const hours = Array.from({ length: days * hoursPerDay }, (_, at) => firstHourMs + at * hourMs);
  const byDay = toPicker(hours, (startMs, at) => weightOf(startMs, dayShape) * (1 + (growth * at) / hours.length));
  const byNight = toPicker(hours, (startMs) => weightOf(startMs, nightShape));
  const pickApp = toPicker(demoApps, ({ share }) => share);

  const begun = Array.from({ length: calls }, () => {
    const app = pickApp(next());
    const startMs = (app.isNightly ? byNight : byDay)(next());
    // The last hour ends where the traffic does.
    const lastsMs = Math.max(1, Math.min(hourMs, endMs - startMs));
    return { app, startedAtMs: Math.min(Math.floor(startMs + next() * lastsMs), endMs - 1) };
  }).sort((one, other) => one.startedAtMs - other.startedAtMs);
  const nameCall = toCallNames(sequence);
  return begun.flatMap(({ app, startedAtMs }) =>
    makeCall({ app, startedAtMs, endMs, callId: nameCall(startedAtMs) }, next),
  );
}

function weightOf(startMs: number, shape: readonly number[]): number {
  const start = new Date(startMs);
  return (shape[start.getUTCHours()] ?? 0) * (weekShape[start.getUTCDay()] ?? 0);
}

/** Names as calls have them, stamped by when each began. */
function toCallNames(sequence: () => number): (startedAtMs: number) => string {
  let nowMs = 0;
  const bytes = (size: number) => Buffer.from(Array.from({ length: size }, () => sequence() & 255));
  const random = createRandom({ ...systemClock, nowMs: () => nowMs }, bytes);
  return (startedAtMs) => {
    nowMs = startedAtMs;
    return random.id("call");
  };
}

interface BegunCall {
  readonly app: DemoApp;
  readonly callId: string;
  readonly startedAtMs: number;
  readonly endMs: number;
}

function makeCall({ app, callId, startedAtMs, endMs }: BegunCall, next: () => number): readonly DemoAttempt[] {
  const model = toPicker(Object.entries(app.models), ([, share]) => share)(next())[0];
  // People read along; jobs and vectors come whole.
  const isStreamed = app.isNightly !== true && app.outputTokens > 0;
  const about = { app, model, callId, requestId: callId.replace("call_", "req_"), tags: app.tags, isStreamed };
  const first = { ...about, attempt: 1, startedAtMs: BigInt(startedAtMs) };
  if (next() < app.cachedShare) {
    const latencyMs = BigInt(2 + Math.floor(next() * 7));
    return [{ ...first, outcome: CallOutcome.CACHED, tokens: toTokens(0, 0, 0), latencyMs }];
  }
  const roll = next();
  const isBad = isInIncident(startedAtMs, endMs);
  const failedShare = isBad ? incident.failedShare : usualShares.failed;
  if (roll >= failedShare) return [{ ...first, ...answer(app, model, roll - failedShare, next) }];
  const latencyMs = BigInt(Math.floor(isBad ? 4_000 + next() * 26_000 : 200 + next() * 2_800));
  const error = errorOf(isBad, Number(latencyMs));
  const failed = { ...first, outcome: CallOutcome.FAILED, error, tokens: toTokens(0, 0, 0), latencyMs };
  if (next() >= rescuedShare) return [failed];
  const second = { ...about, attempt: 2, startedAtMs: BigInt(startedAtMs) + latencyMs };
  return [
    { ...failed, isUncharged: true },
    { ...second, ...answer(app, model, 1, next) },
  ];
}

/** What is slow in a bad morning has waited too long; on other days one is refused at once. */
function errorOf(isBad: boolean, latencyMs: number): CallError {
  if (isBad) return latencyMs > 20_000 ? CallError.TIMEOUT : CallError.OVERLOADED;
  return latencyMs < 1_600 ? CallError.RATE_LIMITED : CallError.PROVIDER_FAILED;
}

function isInIncident(startedAtMs: number, endMs: number): boolean {
  const dayMs = hoursPerDay * hourMs;
  const day = Math.floor(endMs / dayMs - incident.daysBefore) * dayMs;
  const beginMs = day + incident.startHour * hourMs;
  return startedAtMs >= beginMs && startedAtMs < beginMs + incident.hours * hourMs;
}

/** How an attempt that was answered ended: `roll` from 0 on says whether to its end. */
function answer(app: DemoApp, model: string, roll: number, next: () => number) {
  const { canceled, truncated } = usualShares;
  const isStopped = roll < canceled + truncated && app.outputTokens > 0;
  const outcome = !isStopped ? CallOutcome.COMPLETED : roll < canceled ? CallOutcome.CANCELED : CallOutcome.TRUNCATED;
  const input = skewed(app.inputTokens, next);
  const output = Math.floor(skewed(app.outputTokens, next) * (isStopped ? next() : 1));
  const cached = next() < 0.3 ? Math.floor(input * (0.4 + next() * 0.5)) : 0;
  const tokensPerSecond = { "simulated-large": 45, "simulated-chat": 80 }[model] ?? 140;
  const firstMs = skewed(model === "simulated-large" ? 620 : 240, next);
  const latencyMs = firstMs + (output / tokensPerSecond) * 1_000;
  const firstTokenMs = app.isNightly !== true && output > 0 ? Math.max(1, firstMs) : 0;
  const error = outcome === CallOutcome.TRUNCATED ? CallError.BROKEN_OFF : CallError.UNSPECIFIED;
  const tokens = toTokens(input - cached, cached, output);
  return { outcome, tokens, latencyMs: BigInt(Math.round(latencyMs)), firstTokenMs, error, isEstimated: isStopped };
}

/** Around `median`, with a long tail above it (log-normal, by Box and Muller). */
function skewed(median: number, next: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return Math.round(median * Math.exp(0.55 * normal));
}

function toTokens(input: number, cached: number, output: number) {
  return { inputTokens: BigInt(input), cachedInputTokens: BigInt(cached), outputTokens: BigInt(output) };
}

/** Picks by weight with a number from [0, 1). */
function toPicker<T>(items: readonly T[], weightOfItem: (item: T, at: number) => number): (roll: number) => T {
  let sum = 0;
  const sums = items.map((item, at) => {
    sum += weightOfItem(item, at);
    return sum;
  });
  return (roll) => {
    const wanted = roll * sum;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return items[low] as T;
  };
}
