import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { delay } from "@lyss/kit/service/clock.ts";
import { findTargets } from "../call/choose-target.ts";
import { serveOwnCall } from "../call/serve-own-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import { askInOpenAi } from "../dialects/openai/pass-through.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Target } from "../model.ts";
import { gatherAnswer } from "../once/gather-answer.ts";
import { toUnitVector } from "./unit-vector.ts";

/** Whose call the vectors are for. */
export interface AskingCall {
  readonly caller: Caller;
  readonly requestId: string;
  readonly tags: TagsText;
  /** Aborted when nobody waits for it any more. */
  readonly signal: AbortSignal;
}

/** What is to be made vectors. */
export interface TextsToEmbed {
  /** A name that the tenant may call. */
  readonly model: string;
  /** At least one. */
  readonly texts: readonly string[];
  readonly timeoutMs: number;
  /** Who alone is asked; unless given, whoever serves the model. */
  readonly target?: Target;
  /** What the caller wants of whoever hears the texts; undefined for nothing. */
  readonly preferences?: AskedCall["preferences"];
}

/** Texts as numbers, one vector for each in their order, and the model that has made them. */
export interface Embedded {
  readonly vectors: readonly [Float32Array, ...Float32Array[]];
  readonly model: Target;
}

/** Of an answer, for each vector: 4,096 numbers take some 90 KiB. */
const maxBytes = 262_144;

/**
 * Asks the tenant's model for the vectors of texts: one call of its own, under `callId`, that the caller pays for as for every other.
 * Undefined where they are not there within the time. Never rejects: whatever goes wrong, the caller goes on without.
 */
export async function embedTexts(
  deps: AiGatewayDeps,
  texts: TextsToEmbed,
  asked: AskingCall & { readonly callId: string },
): Promise<Embedded | undefined> {
  const waited = new AbortController();
  const late = delay(deps.clock, texts.timeoutMs, waited.signal).then(
    () => undefined,
    () => undefined,
  );
  try {
    return await Promise.race([embed(deps, texts, asked), late]);
  } finally {
    waited.abort();
  }
}

async function embed(
  deps: AiGatewayDeps,
  { model, texts, timeoutMs, target, preferences }: TextsToEmbed,
  { caller: asking, requestId, tags, signal, callId }: AskingCall & { readonly callId: string },
): Promise<Embedded | undefined> {
  const record = gatherAnswer(maxBytes * texts.length);
  // That this model is asked the tenant has said, whichever models the key may name itself.
  const caller: Caller = { ...asking, models: [] };
  try {
    const input = texts.length === 1 ? texts[0] : texts;
    const askedCall = askInOpenAi("embeddings", Buffer.from(JSON.stringify({ model, input })));
    const wanted = preferences ? { ...askedCall, preferences } : askedCall;
    const { targets } = target ? { targets: [target] as const } : await findTargets(deps, caller, wanted, tags);
    const own = { callId, requestId, caller, tags, askedCall, targets, timeoutMs, signal, record };
    const by = await serveOwnCall(deps, own);
    const bytes = record.bytes();
    const vectors = bytes && readVectors(bytes, texts.length);
    if (!vectors) deps.log.warn({ call_id: callId, model }, "a model for texts gives no vectors that can be compared");
    return by && vectors && { vectors, model: by };
  } catch (err) {
    const note = isFailure(err) ? "debug" : "error";
    deps.log[note]({ err, call_id: callId, model }, "texts go on without being compared");
    return undefined;
  }
}

/** Undefined unless there is one for each text, all of one length. */
function readVectors(body: Buffer, count: number): Embedded["vectors"] | undefined {
  const data = fieldOf(JSON.parse(body.toString("utf8")), "data");
  if (!Array.isArray(data) || data.length !== count) return undefined;
  const vectors: Float32Array[] = [];
  for (const [at, item] of data.entries()) {
    const vector = toUnitVector(fieldOf(item, "embedding"));
    const index = fieldOf(item, "index") ?? at;
    if (!vector || typeof index !== "number" || index < 0 || index >= count) return undefined;
    vectors[index] = vector;
  }
  const [first, ...others] = vectors;
  // A place that nothing was said of is undefined.
  if (!first || others.length + 1 !== count || others.some((it) => it?.length !== first.length)) return undefined;
  return [first, ...others];
}
