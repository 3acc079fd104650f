import { atLeast, atMost } from "@lyss/contracts/pricing/at-most.ts";
import { noTokens, type Tokens } from "../model.ts";

/** A line of a provider's usage report: of a day and model, or of one attempt. */
export interface ReportLine extends Tokens {
  /** In UTC, `2026-11-25`. */
  readonly day: string;
  readonly model: string;
  /** Of the provider's own accounts; empty when the report names none. */
  readonly account: string;
  /** `<call id>`, or `<call id>/<attempt>` from the second attempt on; empty in a report by day. */
  readonly requestId: string;
  readonly costNanos: bigint;
}

/** What a report comes to in a group of its lines. */
export interface ReportSum extends Tokens {
  readonly day: string;
  readonly model: string;
  readonly account: string;
  readonly costNanos: bigint;
}

export interface Tolerance {
  /** A difference up to this is none. */
  readonly nanos: bigint;
  /** Nor is one up to this many millionths of what is reported. */
  readonly ppm: number;
}

/** `drift`: beyond the tolerance. `unknown`: what we recorded has no price, so only the tokens can be compared. */
export type DifferenceState = "matched" | "drift" | "unknown";

/** A day and model of a report beside our ledger. */
export interface Difference extends ReportSum {
  readonly state: DifferenceState;
  readonly recordedTokens: Tokens;
  /** What we recorded of known cost. */
  readonly recordedNanos: bigint;
  /** Attempts whose cost is not known, and those whose tokens were counted by us. */
  readonly unknownAttempts: bigint;
  readonly estimatedAttempts: bigint;
  /** Reported less recorded. */
  readonly deltaNanos: bigint;
}

/** What we recorded of a day and model. */
export interface RecordedSum extends Tokens {
  readonly day: string;
  readonly model: string;
  readonly costNanos: bigint;
  readonly unknownAttempts: bigint;
  readonly estimatedAttempts: bigint;
}

const ppmPerWhole = 1_000_000n;

/** Sums lines by day, model and account. */
export function sumReport(lines: readonly ReportLine[]): readonly ReportSum[] {
  const sums = new Map<string, ReportSum>();
  for (const { day, model, account, costNanos, ...tokens } of lines) {
    const key = JSON.stringify([day, model, account]);
    const sum = sums.get(key) ?? { ...noTokens, day, model, account, costNanos: 0n };
    sums.set(key, { ...sum, ...addTokens(sum, tokens), costNanos: sum.costNanos + costNanos });
  }
  return [...sums.values()];
}

/**
 * Sets each day and model beside what we recorded, also where one side has nothing. Our ledger does not know a provider's accounts, so
 * those of a day and model are compared as a whole; the account is named where there is one.
 */
export function compare(
  reported: readonly ReportSum[],
  recorded: readonly RecordedSum[],
  tolerance: Tolerance,
): readonly Difference[] {
  const keyOf = ({ day, model }: { readonly day: string; readonly model: string }) => JSON.stringify([day, model]);
  const ours = new Map(recorded.map((sum) => [keyOf(sum), sum]));
  const theirs = Map.groupBy(reported, keyOf);
  const keys = [...new Set([...theirs.keys(), ...ours.keys()])].sort();
  return keys.map((key) => {
    const own = ours.get(key);
    const sums = theirs.get(key) ?? [];
    const [day, model] = JSON.parse(key) as [string, string];
    const [account = ""] = sums.length === 1 ? sums.map((sum) => sum.account) : [];
    let whole: ReportSum = { ...noTokens, day, model, account, costNanos: 0n };
    for (const sum of sums) whole = { ...whole, ...addTokens(whole, sum), costNanos: whole.costNanos + sum.costNanos };
    return toDifference(whole, own, tolerance);
  });
}

function toDifference(reported: ReportSum, recorded: RecordedSum | undefined, tolerance: Tolerance): Difference {
  const recordedNanos = recorded?.costNanos ?? 0n;
  const deltaNanos = reported.costNanos - recordedNanos;
  const unknownAttempts = recorded?.unknownAttempts ?? 0n;
  const isWithin = absolute(deltaNanos) <= limitOf(reported.costNanos, tolerance);
  const { inputTokens, cachedInputTokens, outputTokens } = recorded ?? noTokens;
  return {
    ...reported,
    state: unknownAttempts > 0n ? "unknown" : isWithin ? "matched" : "drift",
    recordedTokens: { inputTokens, cachedInputTokens, outputTokens },
    ...{ recordedNanos, deltaNanos, unknownAttempts, estimatedAttempts: recorded?.estimatedAttempts ?? 0n },
  };
}

function limitOf(reportedNanos: bigint, { nanos, ppm }: Tolerance): bigint {
  return atLeast((absolute(reportedNanos) * BigInt(ppm)) / ppmPerWhole, nanos);
}

export function absolute(nanos: bigint): bigint {
  return atLeast(nanos, -nanos);
}

export const dayPattern = /^\d{4}-\d\d-\d\d$/;

/** All tokens together. */
export function tokensOf({ inputTokens, cachedInputTokens, outputTokens }: Tokens): bigint {
  return inputTokens + cachedInputTokens + outputTokens;
}

export function addTokens(a: Tokens, b: Tokens): Tokens {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
  };
}

/**
 * What a customer's charge moves by when the provider says what an estimated call used: down by all of it; up by no more than
 * `maxRaisePpm` of what was charged and no more than is available. The platform bears the rest.
 */
export function customerDelta(
  call: { readonly chargedNanos: bigint; readonly trueNanos: bigint; readonly availableNanos: bigint },
  maxRaisePpm: number,
): bigint {
  const { chargedNanos, trueNanos, availableNanos } = call;
  const delta = trueNanos - chargedNanos;
  const limit = atMost((chargedNanos * BigInt(maxRaisePpm)) / ppmPerWhole, availableNanos);
  return atMost(delta, limit);
}
