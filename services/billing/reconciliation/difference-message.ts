import { type Difference, tokensOf } from "./report.ts";

/** A difference as billing's contract carries it. */
export function toDifferenceMessage(difference: Difference) {
  const { day, model, account, state, costNanos, recordedNanos, unknownAttempts, estimatedAttempts } = difference;
  return {
    ...{ day, model, account, state, reportedNanos: costNanos, recordedNanos, unknownAttempts, estimatedAttempts },
    reportedTokens: tokensOf(difference),
    recordedTokens: tokensOf(difference.recordedTokens),
  };
}
