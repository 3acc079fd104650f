import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { type Choice, noteLeft } from "../choices/choice.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall, ReadCall } from "../dialects/dialect.ts";
import type { Target } from "../model.ts";
import { fitToolNames, withGivenNames } from "../providers/tool-names.ts";
import type { Wire, WireDraft } from "../providers/wire.ts";
import { wireOf } from "../providers/wires.ts";
import type { Conversation } from "../routing/affinity.ts";
import { takersOf } from "../routing/bound-request.ts";
import { counterFor, type TokenCounter } from "./count-tokens.ts";
import { refuseField } from "./refuse-field.ts";

/** A call on its way along the targets of its model. */
export interface Walk {
  readonly askedCall: AskedCall;
  readonly caller: Caller;
  readonly tags: TagsText;
  readonly targets: readonly Target[];
  /** The conversation that it belongs to; undefined where it is all the same which target it goes to. */
  readonly conversation: Conversation | undefined;
  readonly choice: Choice | undefined;
  /** True where an answer that breaks off may be gone on with at another target. */
  readonly continues: boolean;
  /** After which percentile a second target is asked beside the first; undefined for never. */
  readonly hedge: number | undefined;
  /** Those that were paid for until now. */
  attempts: number;
  /** Those that it has come to, in order. */
  readonly tried: Target[];
  /** Gives up its claim to a place at the target that it was prepared for last; undefined where it needs none. May be repeated, and has to be at its end. */
  giveUpClaim?: (() => void) | undefined;
  readonly startedMs: number;
}

/** A call that is read for one target. */
export interface PreparedCall {
  readonly target: Target;
  readonly read: ReadCall;
  readonly wire: Wire;
  readonly draft: WireDraft;
  readonly counter: TokenCounter;
  /** The bound of the input. */
  readonly inputTokens: number;
  /** The attempt that began the answer which this one goes on with. */
  readonly continuesAttempt?: number;
}

/** The targets that can take the call over. */
export function takersFor({ askedCall, targets }: Pick<Walk, "askedCall" | "targets">): readonly Target[] {
  return takersOf(askedCall.asked.body, targets);
}

/**
 * Reads the call for `target`, or else for the next that can be asked: one whose breaker is open, that has no place free where
 * another has, whose key cannot be had, or that has no place for what is asked is passed over. Throws what the first of them said.
 */
export async function prepareFrom(deps: AiGatewayDeps, walk: Walk, target: Target): Promise<PreparedCall> {
  let told: { readonly err: unknown } | undefined;
  for (let at: Target | undefined = target; at; ) {
    walk.tried.push(at);
    try {
      return await prepare(deps, walk, at);
    } catch (err) {
      told ??= { err };
      noteLeft(walk.choice, at, err, false);
      at = deps.failOver.skip(walk.tried, takersFor(walk));
    }
  }
  throw told?.err;
}

/** Reads the call for one target, as `readIt` has it. Throws where the target cannot be asked. */
export async function prepare(
  deps: AiGatewayDeps,
  walk: Walk,
  target: Target,
  readIt = (): ReadCall => walk.askedCall.readFor(target.provider, target.model.upstreamName),
): Promise<PreparedCall> {
  const { provider } = target;
  // Before money is set aside for a call that would be refused.
  const policy = deps.policies.policyOf(provider);
  policy.breaker()?.throwIfOpen();
  if (policy.isFull && hasRoomElsewhere(deps, walk)) {
    throw new Failure(resilienceFailures.bulkhead_full, { policy: policy.name });
  }
  walk.giveUpClaim?.();
  walk.giveUpClaim = policy.claim();
  const asked = readIt();
  const { read, given } = withFittingNames(walk, target, asked);
  const { wire, draft } = draftFor(target, read, walk.askedCall.preferences?.requiresParameters ?? false);
  // Where there is no other, a call waits for nothing before its money.
  if (walk.targets.length > 1) await deps.credentials.secretOf(provider);
  const counter = await counterFor(provider);
  const inputTokens = counter.boundInput(read.request);
  return { target, read, wire: given ? withGivenNames(wire, given) : wire, draft, counter, inputTokens };
}

/**
 * The call with names of tools that its target takes: where its caller speaks as the target does, they are the caller's own affair. A
 * caller of chat has chosen names for one vendor where all targets speak chat, and otherwise for several.
 */
function withFittingNames({ askedCall, targets }: Walk, { provider, model }: Target, read: ReadCall) {
  const { toolNames, isChat } = wireOf(provider, model);
  const isAsked = isChat && askedCall.asked.surface === "chat" && targets.every((one) => speaksChat(one));
  if (read.wire) return { read, given: undefined };
  const { request, given } = fitToolNames(read.request, isAsked ? undefined : toolNames);
  return { read: given ? { ...read, request } : read, given };
}

function speaksChat({ provider, model }: Target): boolean {
  return wireOf(provider, model).isChat === true;
}

function hasRoomElsewhere({ policies }: AiGatewayDeps, walk: Walk): boolean {
  const others = takersFor(walk).filter((target) => !walk.tried.includes(target));
  return others.some(({ provider }) => !policies.policyOf(provider).isFull);
}

/** Throws `invalid_request` for what this provider cannot be asked. */
function draftFor(
  { provider, model }: Target,
  { request, wire = wireOf(provider, model) }: ReadCall,
  requiresParameters: boolean,
) {
  const asked = requiresParameters ? { ...provider, unsupportedParameters: "refuse" as const } : provider;
  if (wire.surfaces.includes(request.surface)) return { wire, draft: wire.draft(request, model, asked) };
  throw refuseField(
    "model",
    "is at a provider that does not answer requests of this kind; GET /v1/models lists others",
    "所在的供应商不支持此类请求；其他模型见 GET /v1/models",
  );
}
