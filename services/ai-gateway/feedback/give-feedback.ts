import { feedbackChanged } from "@lyss/contracts/events/ai-gateway.ts";
import { recordFailures } from "@lyss/contracts/failures/ai-gateway-records.ts";
import { scopeFor } from "@lyss/contracts/usage/usage-scope.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { CallOrigin } from "../choices/choice-store.ts";
import { type CallReceipt, getReceipt } from "../choices/get-receipt.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { type Feedback, type FeedbackName, type FeedbackValue, type ScoredCall, toScore } from "./feedback.ts";

type Deps = Pick<
  AiGatewayDeps,
  "db" | "outbox" | "clock" | "random" | "billing" | "choices" | "feedbackStore" | "settings"
>;

export interface FeedbackToGive {
  readonly caller: Caller;
  readonly callId: string;
  readonly name: string;
  /** Whom it is given for, as the caller says; empty for the caller. */
  readonly author: string;
  readonly value: FeedbackValue;
  readonly comment: string;
}

const maxOfCall = 1_000;
const dayMs = 86_400_000;

/**
 * A score of a call, in place of the one that its caller has given by that name for the same author. Who says the same again changes nothing.
 * Throws `billing.usage_not_found` for a call that the caller may not know of or that is not charged yet, and `too_much_feedback`.
 */
export async function giveFeedback(deps: Deps, given: FeedbackToGive): Promise<Feedback> {
  const { caller, callId, value, comment } = given;
  const { db, outbox, clock, random, feedbackStore, settings } = deps;
  const receipt = await getReceipt(deps, { ...scopeFor(caller, {}), callId });
  // Kept for longer than all else of how it was routed.
  const call = toScoredCall(receipt, await deps.choices.findOrigin(caller.tenantId, callId));
  const named = nameOf(given);
  const score = toScore(value);
  return db.transaction(async (tx) => {
    await feedbackStore.lockCall(tx, named.tenantId, callId);
    const before = await feedbackStore.find(tx, named);
    if (before && isSame(before, { ...score, comment })) return before;
    if (!before && (await feedbackStore.countOf(tx, named.tenantId, callId)) >= maxOfCall) {
      throw new Failure(recordFailures.too_much_feedback, { id: callId, limit: maxOfCall });
    }
    const updatedAt = new Date(clock.nowMs());
    const expiresAt = new Date(updatedAt.getTime() + settings.feedbackRetentionDays * dayMs);
    const first = { ...call, feedbackId: random.id("fb"), createdAt: updatedAt, expiresAt };
    const feedback: Feedback = { ...first, ...before, ...named, ...score, comment, updatedAt };
    await feedbackStore.put(tx, feedback);
    await outbox.append(tx, feedbackChanged, toEvent(feedback));
    return feedback;
  });
}

/** Takes back what the caller has given. Throws `feedback_not_found`. */
export async function removeFeedback(
  { db, outbox, feedbackStore }: Deps,
  given: Omit<FeedbackToGive, "value" | "comment">,
): Promise<void> {
  const named = nameOf(given);
  await db.transaction(async (tx) => {
    if (!(await feedbackStore.remove(tx, named))) {
      throw new Failure(recordFailures.feedback_not_found, { id: named.callId, name: named.name });
    }
    await outbox.append(tx, feedbackChanged, { ...named, isRemoved: true });
  });
}

function nameOf({ caller, callId, name, author }: Omit<FeedbackToGive, "value" | "comment">): FeedbackName {
  return { tenantId: caller.tenantId, callId, name, actorId: actorOf(caller), author };
}

/** Who gives feedback: the person, over all their keys, or a key that is nobody's. */
export function actorOf({ userId, keyId }: Pick<Caller, "userId" | "keyId">): string {
  return userId || keyId;
}

function isSame(before: Feedback, { kind, number, label, comment }: ReturnType<typeof toScore> & { comment: string }) {
  return before.kind === kind && before.number === number && before.label === label && before.comment === comment;
}

/** What a call was: of several attempts the one that was paid for, the last. */
function toScoredCall({ attempts }: CallReceipt, origin: CallOrigin = ofNothing): ScoredCall {
  const served = attempts.findLast(({ isCharged }) => isCharged) ?? attempts.at(-1);
  return { provider: served?.provider ?? "", model: served?.model ?? "", ...origin };
}

const ofNothing: CallOrigin = { route: "", routeVersion: null, prompt: "", promptVersion: null };

function toEvent({ kind, number, label, ...feedback }: Feedback) {
  const { tenantId, callId, name, actorId, author, provider, model, route, prompt } = feedback;
  const { routeVersion, promptVersion } = feedback;
  return {
    ...{ tenantId, callId, name, actorId, author, isRemoved: false, kind, number: number ?? 0, label: label ?? "" },
    ...{ provider, model, route, routeVersion: routeVersion ?? 0, prompt, promptVersion: promptVersion ?? 0 },
  };
}
