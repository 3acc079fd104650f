import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Offer, OfferRollout } from "../catalog.ts";
import type { Choice } from "../choices/choice.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import { isModelAllowed, type Target } from "../model.ts";
import type { Conversation } from "../routing/affinity.ts";
import { takersOf } from "../routing/bound-request.ts";
import type { AskedBy } from "../routing/order-targets.ts";
import { likenessOf } from "../routing/request-shape.ts";
import { isAmongFirst } from "../routing/rollout.ts";

/** Where a call can go, in order, and the conversation that it belongs to, if it is to stay where that was. */
export interface Found {
  readonly targets: readonly [Target, ...Target[]];
  readonly conversation: Conversation | undefined;
  /** True where the route, or else its caller, wants an answer that breaks off gone on with elsewhere. */
  readonly continues: boolean;
  /** As the route has it; undefined where it does not hedge. */
  readonly hedge: number | undefined;
  /** What the name stands for. */
  readonly offer: Offer;
  /** How they were chosen; undefined where there was nothing to choose. */
  readonly choice: Choice | undefined;
}

/** Others are no conversations: what they are asked twice, no provider has cached. */
const conversing = /^(chat|messages|responses( compact)?|(stream)?generateContent .*)$/i;

/** What a caller means by a name, whatever it is an alias of; undefined for what there is not, and for what the key may not use. */
export function findOffer(
  { catalog, callDefaults }: Pick<AiGatewayDeps, "callDefaults" | "catalog">,
  caller: Caller,
  named: string,
): Offer | undefined {
  const model = callDefaults.modelOf(caller, named);
  const offer = isModelAllowed(caller.models, model) ? catalog.findOffer(caller.tenantId, model) : undefined;
  return offer?.rollout ? versionFor(offer, offer.rollout, caller) : offer;
}

/** The same for all calls of one key, or of a person who has none. */
function versionFor(offer: Offer, { rolloutId, percent, candidate }: OfferRollout, caller: Caller): Offer {
  const unit = `${caller.tenantId} ${caller.keyId || caller.userId}`;
  return candidate && isAmongFirst(rolloutId, unit, percent) ? candidate : offer;
}

/**
 * The first target that a call without tags would go to, among those that are fit: for work that stays with one account. Undefined where
 * none is fit. Throws `model_not_found`.
 */
export async function findFitTarget(
  deps: Pick<AiGatewayDeps, "callDefaults" | "catalog" | "order">,
  caller: Caller,
  named: string,
  isFit: (target: Target) => boolean,
): Promise<Target | undefined> {
  const { tenantId, userId, keyId } = caller;
  const offer = findOffer(deps, caller, named);
  if (!offer) throw new Failure(aiGatewayFailures.model_not_found, { model: named });
  await deps.order.prepare(offer, tenantId);
  return deps.order.orderOf(offer, { tenantId, userId, keyId, tags: "" }).find(isFit);
}

/** As `findFitTarget`, before others one at which no limit on models and accounts is in the way. */
export async function findFreeTarget(
  deps: Pick<AiGatewayDeps, "callDefaults" | "catalog" | "order" | "modelLimits">,
  caller: Caller,
  named: string,
  isFit: (target: Target) => boolean,
): Promise<Target | undefined> {
  const hasRoom = (target: Target) => isFit(target) && deps.modelLimits.hasRoom(target, caller, 0);
  return (await findFitTarget(deps, caller, named, hasRoom)) ?? findFitTarget(deps, caller, named, isFit);
}

/**
 * Where a call of this model can go, in order: at least one target. Throws `model_not_found`, also for a model that the key may
 * not use, by whatever alias, and for a route that has no target for such a call; `invalid_request` where its caller wants none of them.
 * Without `similarityTo` no target is near by meaning.
 */
export async function findTargets(
  deps: Pick<AiGatewayDeps, "affinity" | "callDefaults" | "catalog" | "choices" | "order">,
  caller: Caller,
  { model: named, preferences, asked, chat }: Pick<AskedCall, "model" | "preferences" | "asked" | "chat">,
  tags: TagsText,
  similarityTo?: AskedBy["similarityTo"],
): Promise<Found> {
  const { order, affinity, choices } = deps;
  const offer = findOffer(deps, caller, named);
  const { tenantId, userId, keyId } = caller;
  if (offer) await order.prepare(offer, tenantId);
  const isLike = offer?.routed && likenessOf(asked.opened ?? asked.body, chat);
  const ordered = offer ? order.orderOf(offer, { tenantId, userId, keyId, tags, isLike, similarityTo }) : [];
  const conversation =
    offer && conversing.test(asked.surface)
      ? affinity.find(offer, { caller, body: asked.opened ?? asked.body, opened: chat })
      : undefined;
  const targets = offer ? affinity.lead(offer, ordered, conversation) : ordered;
  const wanted = preferences && targets.length > 0 ? await order.prefer(tenantId, targets, preferences) : targets;
  const [first, ...others] = wanted;
  if (offer && first) {
    const takers = conversation?.isSealed ? takersOf(asked.opened ?? asked.body, wanted) : wanted;
    const isKept = targets !== ordered && first === targets[0];
    const choice = choices.begin(tenantId, { offer, open: ordered, targets: wanted, takers, isKept });
    const { hedge, continues = false } = offer.routed?.route ?? {};
    return {
      ...{ targets: [first, ...others], conversation, offer, choice, hedge: hedge ?? undefined },
      continues: preferences?.continues ?? continues,
    };
  }
  throw new Failure(aiGatewayFailures.model_not_found, { model: named });
}

/** One to which a call of this model may go; of a route, the first that is well. Throws `model_not_found`. */
export function chooseTarget(
  deps: Pick<AiGatewayDeps, "callDefaults" | "catalog" | "failOver">,
  caller: Caller,
  asked: string,
): Target {
  const target = deps.failOver.first(findOffer(deps, caller, asked)?.targets ?? []);
  if (target) return target;
  throw new Failure(aiGatewayFailures.model_not_found, { model: asked });
}
