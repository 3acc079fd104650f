import { usageRecorded } from "@lyss/contracts/events/billing.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Outcome, Usage } from "./model.ts";

/** How each outcome is called on the wire. */
export const outcomeMessages: Readonly<Record<Outcome, CallOutcome>> = {
  completed: CallOutcome.COMPLETED,
  failed: CallOutcome.FAILED,
  canceled: CallOutcome.CANCELED,
  truncated: CallOutcome.TRUNCATED,
  lost: CallOutcome.LOST,
};

const maxCallsPerEvent = 100;
/** Half of what an event may hold, for the names are counted and the rest is guessed. */
const maxBytesPerEvent = 131_072;
const guessedBytesPerCall = 300;
/** A character that JSON has to escape. */
const maxBytesPerCharacter = 6;

/**
 * Appends the calls that a batch settled to the streams of their wallets, one event for each wallet, or more where there
 * are too many for one. `wasLost` holds the ids of calls that were recorded as lost before. Whoever calls this holds the
 * wallets' locks: the streams are appended to in their order.
 */
export async function appendUsage(
  tx: Tx,
  outbox: Outbox,
  usages: readonly Usage[],
  wasLost: ReadonlySet<string>,
): Promise<void> {
  const appends: Promise<number>[] = [];
  for (const [walletId, ofWallet] of Map.groupBy(usages, (usage) => usage.walletId)) {
    for (const part of splitUsage(ofWallet)) {
      const tenantId = part[0]?.tenantId ?? "";
      const calls = part.map((usage) => toRecordedCall(usage, wasLost.has(usage.callId)));
      const stream = { stream: `usage/${walletId}`, expectedRevision: "any" } as const;
      appends.push(outbox.append(tx, usageRecorded, { walletId, tenantId, calls }, stream));
    }
  }
  await Promise.all(appends);
}

/** Parts that fit into an event each. */
export function splitUsage(usages: readonly Usage[]): readonly (readonly Usage[])[] {
  const parts: Usage[][] = [];
  let part: Usage[] = [];
  let bytes = 0;
  for (const usage of usages) {
    const { callId, keyId, userId, provider, model, priceId } = usage;
    const characters = callId.length + keyId.length + userId.length + provider.length + model.length + priceId.length;
    const callBytes = guessedBytesPerCall + maxBytesPerCharacter * characters;
    if (part.length > 0 && (part.length === maxCallsPerEvent || bytes + callBytes > maxBytesPerEvent)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(usage);
    bytes += callBytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function toRecordedCall(usage: Usage, wasLost: boolean) {
  const { callId, keyId, userId, provider, model, costNanos, uncollectedNanos, priceId } = usage;
  const { inputTokens, cachedInputTokens, outputTokens } = usage;
  return {
    ...{ callId, keyId, userId, provider, model, costNanos, uncollectedNanos, priceId, wasLost },
    outcome: outcomeMessages[usage.outcome],
    tokens: { inputTokens, cachedInputTokens, outputTokens },
  };
}
