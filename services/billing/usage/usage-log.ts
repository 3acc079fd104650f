import { usageRecorded } from "@lyss/contracts/events/billing.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Outcome, Tokens, Usage } from "../model.ts";
import { bucketOf, type DurationCounts } from "./durations.ts";

/** How each outcome is called on the wire. */
export const outcomeMessages: Readonly<Record<Outcome, CallOutcome>> = {
  completed: CallOutcome.COMPLETED,
  failed: CallOutcome.FAILED,
  canceled: CallOutcome.CANCELED,
  truncated: CallOutcome.TRUNCATED,
  lost: CallOutcome.LOST,
  cached: CallOutcome.CACHED,
};

export const minuteMs = 60_000;

/** What the calls of one minute, key, user, provider, model and set of tags come to: input and output of every kind. */
export interface CallSum extends Tokens {
  /** The minute in which they began, since 1970. */
  readonly minute: number;
  readonly keyId: string;
  readonly userId: string;
  readonly provider: string;
  readonly model: string;
  /** Empty without any. */
  readonly tags: TagsText;
  /** Without those that were recorded as lost before. */
  readonly calls: bigint;
  /** Those that were: counted already, but without their tags. */
  readonly lostCalls: bigint;
  /** Those that failed or broke off, counted before or not. */
  readonly errors: bigint;
  /** How long whole answers took, and how long it took until the first of streamed ones was there. */
  readonly latency: DurationCounts;
  readonly firstToken: DurationCounts;
  readonly costNanos: bigint;
  readonly uncollectedNanos: bigint;
}

const maxSumsPerEvent = 200;
/** Half of what an event may hold, for the names are counted and the rest is guessed. */
const maxBytesPerEvent = 131_072;
const guessedBytesPerSum = 300;
/** Of a bucket of durations that holds any. */
const bytesPerBucket = 8;
/** A character that JSON has to escape. */
const maxBytesPerCharacter = 6;

/**
 * Appends what the calls that a batch settled come to, to the streams of their wallets: one event for each wallet, or more
 * where there are too many sums for one. `wasLost` holds the ids of calls that were recorded as lost before. Whoever
 * calls this holds the wallets' locks: the streams are appended to in their order.
 */
export async function appendUsage(
  tx: Tx,
  outbox: Outbox,
  usages: readonly Usage[],
  wasLost: ReadonlySet<string>,
): Promise<void> {
  const appends: Promise<number>[] = [];
  for (const [walletId, ofWallet] of Map.groupBy(usages, (usage) => usage.walletId)) {
    const tenantId = ofWallet[0]?.tenantId ?? "";
    for (const part of splitSums(sumCalls(ofWallet, wasLost))) {
      const stream = { stream: `usage/${walletId}`, expectedRevision: "any" } as const;
      appends.push(outbox.append(tx, usageRecorded, { walletId, tenantId, sums: part.map(toMessage) }, stream));
    }
  }
  await Promise.all(appends);
}

/** Calls summed up by minute, key, user, provider, model and tags. */
export function sumCalls(usages: readonly Usage[], wasLost: ReadonlySet<string>): readonly CallSum[] {
  const sums = new Map<string, OpenSum>();
  for (const usage of usages) {
    const { keyId, userId, provider, model, tags = "" } = usage;
    const minute = Math.floor(Number(usage.startedAtMs) / minuteMs);
    // A NUL is in no name: PostgreSQL's text cannot hold one.
    const name = `${minute}\0${keyId}\0${userId}\0${provider}\0${model}\0${tags}`;
    let sum = sums.get(name);
    if (!sum) {
      const nothing = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n, costNanos: 0n, uncollectedNanos: 0n };
      const ended = { errors: 0n, latency: new Map<number, number>(), firstToken: new Map<number, number>() };
      sum = { minute, keyId, userId, provider, model, tags, calls: 0n, lostCalls: 0n, ...ended, ...nothing };
      sums.set(name, sum);
    }
    if (wasLost.has(usage.callId)) sum.lostCalls++;
    else sum.calls++;
    noteEnd(sum, usage);
    const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(usage);
    sum.inputTokens += inputTokens;
    sum.cachedInputTokens += cachedInputTokens;
    sum.outputTokens += outputTokens;
    sum.costNanos += usage.costNanos;
    sum.uncollectedNanos += usage.uncollectedNanos;
  }
  return [...sums.values()];
}

interface OpenSum extends Omit<{ -readonly [K in keyof CallSum]: CallSum[K] }, "latency" | "firstToken"> {
  readonly latency: Map<number, number>;
  readonly firstToken: Map<number, number>;
}

/** What an answer took that was not whole says nothing of how fast answers are. */
function noteEnd(sum: OpenSum, { outcome, latencyMs, firstTokenMs }: Usage): void {
  if (outcome === "failed" || outcome === "truncated") sum.errors++;
  if (outcome === "completed" || outcome === "cached") count(sum.latency, Number(latencyMs));
  if (firstTokenMs !== undefined) count(sum.firstToken, firstTokenMs);
}

function count(counts: Map<number, number>, durationMs: number): void {
  const bucket = bucketOf(durationMs);
  counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
}

/** Parts that fit into an event each. */
export function splitSums(sums: readonly CallSum[]): readonly (readonly CallSum[])[] {
  const parts: CallSum[][] = [];
  let part: CallSum[] = [];
  let bytes = 0;
  for (const sum of sums) {
    const characters = sum.keyId.length + sum.userId.length + sum.provider.length + sum.model.length;
    // Of what tags are made of nothing is escaped.
    const durationBytes = bytesPerBucket * (sum.latency.size + sum.firstToken.size);
    const sumBytes = guessedBytesPerSum + maxBytesPerCharacter * characters + sum.tags.length + durationBytes;
    if (part.length > 0 && (part.length === maxSumsPerEvent || bytes + sumBytes > maxBytesPerEvent)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(sum);
    bytes += sumBytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function toMessage({ inputTokens, cachedInputTokens, outputTokens, latency, firstToken, ...sum }: CallSum) {
  const durations = {
    ...(latency.size > 0 && { latency: toDurations(latency) }),
    ...(firstToken.size > 0 && { firstToken: toDurations(firstToken) }),
  };
  return { ...sum, ...durations, tokens: { inputTokens, cachedInputTokens, outputTokens } };
}

function toDurations(counts: DurationCounts) {
  return { buckets: [...counts.keys()], counts: [...counts.values()] };
}
