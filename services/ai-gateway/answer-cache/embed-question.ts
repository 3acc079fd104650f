import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { delay } from "@lyss/kit/service/clock.ts";
import { findTargets } from "../call/choose-target.ts";
import { serveOwnCall } from "../call/serve-own-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { askInOpenAi } from "../dialects/openai/pass-through.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Target } from "../model.ts";
import { gatherAnswer } from "../once/gather-answer.ts";
import type { ComparedQuestion } from "./answer-cache.ts";
import { toUnitVector } from "./semantic-index.ts";

/** Whose question it is. */
export interface AskedQuestion {
  readonly caller: Caller;
  readonly requestId: string;
  readonly tags: TagsText;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** A question as numbers, and the model that has made them. */
export interface Embedded {
  readonly vector: Float32Array;
  readonly model: Target;
}

/** So much of an answer is read: 4,096 numbers take some 90 KiB. */
const maxBytes = 262_144;

/**
 * Asks the tenant's model for the vector of a question: a call of its own, under `callId`, that the caller pays for as for every other.
 * Undefined where there is none within the time. Never rejects: whatever goes wrong, the question is answered without.
 */
export async function embedQuestion(
  deps: AiGatewayDeps,
  { text, embeddingModel, timeoutMs }: ComparedQuestion,
  asked: AskedQuestion & { readonly callId: string },
): Promise<Embedded | undefined> {
  const waited = new AbortController();
  const late = delay(deps.clock, timeoutMs, waited.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([embed(deps, { text, embeddingModel, timeoutMs }, asked), late]);
  } finally {
    waited.abort();
  }
}

async function embed(
  deps: AiGatewayDeps,
  { text, embeddingModel: model, timeoutMs }: Pick<ComparedQuestion, "text" | "embeddingModel" | "timeoutMs">,
  { caller: asking, requestId, tags, signal, callId }: AskedQuestion & { readonly callId: string },
): Promise<Embedded | undefined> {
  const record = gatherAnswer(maxBytes);
  // That this model is asked the tenant has said, whichever models the key may name itself.
  const caller: Caller = { ...asking, models: [] };
  try {
    const askedCall = askInOpenAi("embeddings", Buffer.from(JSON.stringify({ model, input: text })));
    const { targets } = await findTargets(deps, caller, askedCall, tags);
    const own = { callId, requestId, caller, tags, askedCall, targets, timeoutMs, signal, record };
    const by = await serveOwnCall(deps, own);
    const bytes = record.bytes();
    const vector = bytes && readVector(bytes);
    if (!vector)
      deps.log.warn({ call_id: callId, model }, "a model for questions gives no vector that can be compared");
    return by && vector && { vector, model: by };
  } catch (err) {
    const note = isFailure(err) ? "debug" : "error";
    deps.log[note]({ err, call_id: callId, model }, "a question goes on without being compared");
    return undefined;
  }
}

function readVector(body: Buffer): Float32Array | undefined {
  const data = fieldOf(JSON.parse(body.toString("utf8")), "data");
  return Array.isArray(data) ? toUnitVector(fieldOf(data[0], "embedding")) : undefined;
}
