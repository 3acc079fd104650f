import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import { composeRequest, type RequestBytes } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { PolicyPlace } from "@lyss/kit/resilience/policy-place.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { findOffer } from "../call/choose-target.ts";
import { findKeepAliveMs } from "../call/keep-alive.ts";
import { readTags } from "../call/read-tags.ts";
import type { Offer, Routed } from "../catalog.ts";
import { noteLeft } from "../choices/choice.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Drawn } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import { expectedTokens } from "../model-limits/expected-tokens.ts";
import { quirksOf } from "../provider-quirks.ts";
import { takersOf } from "../routing/bound-request.ts";
import { likenessOf } from "../routing/request-shape.ts";
import { findExcess, smallJsonBytes } from "../scan/json-size.ts";
import { patchBody, writePatched } from "../scan/patch-body.ts";
import { messagesField, type ScannedRequest, scanRequest } from "../scan/scan-request.ts";
import { type Admitted, type Compose, toFund } from "./admitted.ts";
import { HotCall } from "./hot-call.ts";
import { openHotKeepAlive } from "./hot-keep-alive.ts";
import { type Room, roomAtOnce } from "./next-attempt.ts";
import { createRequestStarts } from "./request-starts.ts";
import { findQueue, turnAway, waitForPlace } from "./wait-for-place.ts";

type Chosen = Pick<Admitted, "targets" | "conversation" | "choice">;

/**
 * A chat call as one straight line: no promise until its attempt is on disk unless something has to be looked up, and no parsed
 * body. False for what is refused, unusual, or too scarce for a lease: `serveCall` does the same in its own time and says what
 * is wrong; nothing has been taken then.
 */
export function createHotCalls(deps: AiGatewayDeps): (exchange: HotExchange) => boolean | Promise<boolean> {
  const { openCalls, settings, credentials, funding, pools, failOver, order, modelLimits } = deps;
  const { affinity, answerCache, callDefaults, choices, guardrails } = deps;
  const { policies: bodyPolicies } = deps.requestBodies;
  const startOf = createRequestStarts();

  const compose: Compose = (request, target, secret) => {
    const pool = pools.poolOf(target.provider);
    const start = startOf(target.provider, pool.authority, secret, request.isStream);
    return start === undefined ? undefined : { pool, message: toMessage(start, request, target) };
  };

  function serve(
    exchange: HotExchange,
    request: ScannedRequest,
    target: Target,
    { targets, conversation, choice }: Chosen,
    secret: string,
  ) {
    const callId = deps.random.id("call");
    const toRun = toFund({ callId, attempt: 1, request, target, exchange });
    const composed = toRun && compose(request, target, secret);
    const keepAliveMs = composed && findKeepAliveMs(exchange.facts.headers, settings);
    if (!composed || keepAliveMs === undefined) return false;
    const room = roomAtOnce(deps, target, request, exchange.facts.caller);
    const queue = room || targets.length > 1 ? undefined : findQueue(deps, target, exchange);
    if (!room && !queue) return false;
    if (queue && turnAway(queue, exchange)) return true;
    const toCall = (drawn: Drawn, { place, limited, limitHead }: Room) =>
      new HotCall(deps, exchange, {
        callId,
        attempt: 1,
        request,
        target,
        targets,
        conversation,
        choice,
        tried: [target],
        place,
        limited,
        limitHead,
        drawn,
        pool: composed.pool,
        message: composed.message,
        compose,
        keepAlive: openHotKeepAlive(deps, request.isStream ? keepAliveMs : 0, exchange, callId),
      });
    const run = (drawn: Drawn | undefined) => {
      if (!drawn) {
        room?.place.end();
        room?.limited?.cancel();
      } else if (room) {
        if (targets.length > 1) failOver.noteCall();
        toCall(drawn, room).run();
      } else if (queue) {
        const begin = (place: PolicyPlace) => toCall(drawn, { place, limited: undefined, limitHead: "" }).runAdmitted();
        waitForPlace(deps, queue, exchange, drawn, begin);
      }
      return drawn !== undefined;
    };
    const drawing = funding.draw(toRun);
    return drawing instanceof Promise ? drawing.then(run, () => run(undefined)) : run(drawing);
  }

  function chooseFirst({ targets: all, choice }: Chosen, request: ScannedRequest, caller: Caller): Target | undefined {
    const hasRoom = (target: Target) => {
      const isFree = modelLimits.hasRoom(target, caller, expectedTokens(request));
      if (!isFree) noteLeft(choice, target, new Failure(aiGatewayFailures.model_limited), false);
      return isFree;
    };
    const targets = modelLimits.isEmpty ? all : all.filter(hasRoom);
    const target = failOver.first(targets);
    return target === all[0]
      ? target
      : failOver.first(takersOf(request.body, all).filter((it) => targets.includes(it)));
  }

  /** Undefined where the tags are none, and where prices have to be looked up. */
  function targetsOf(offer: Offer, { facts: { caller, headers, body } }: HotExchange): readonly Target[] | undefined {
    if (!offer.routed) return offer.targets;
    const { tenantId, userId, keyId } = caller;
    if (order.prepare(offer, tenantId)) return undefined;
    try {
      return order.orderOf(offer, { tenantId, userId, keyId, tags: readTags({ headers }), isLike: likenessOf(body) });
    } catch (err) {
      if (isFailure(err)) return undefined;
      throw err;
    }
  }

  function choose(offer: Offer, request: ScannedRequest, exchange: HotExchange): Chosen | undefined {
    if (offer.routed && isOrdinary(offer.routed)) return undefined;
    const targets = targetsOf(offer, exchange);
    if (!targets || offer.targets.length < 2) return targets && { targets, conversation: undefined, choice: undefined };
    const { caller } = exchange.facts;
    const { body } = request;
    const conversation = affinity.find(offer, { caller, body, messagesAt: request.ranges[2 * messagesField] ?? 0 });
    const led = affinity.lead(offer, targets, conversation);
    const takers = conversation?.isSealed ? takersOf(body, led) : led;
    const ordered = { offer, open: targets, targets: led, takers, isKept: led !== targets };
    return { targets: led, conversation, choice: choices.begin(caller.tenantId, ordered) };
  }

  return (exchange) => {
    // A trace that goes on at the provider makes each request's head another one.
    if (openCalls.isStopping || settings.sendTraceparent) return false;
    const { caller, body } = exchange.facts;
    if (body.length > smallJsonBytes && findExcess(body)) return false;
    const request = scanRequest(body);
    if (!request || request.mayHoldMedia || answerCache.isWanted(caller, exchange.facts.headers)) return false;
    if (callDefaults.parametersOf(caller) || guardrails.isWanted(caller)) return false;
    // What is said is gathered on the ordinary way.
    if (bodyPolicies.isWanted(caller)) return false;
    const offer = findOffer(deps, caller, request.model);
    const chosen = offer && choose(offer, request, exchange);
    const targets = chosen?.targets;
    const target = targets && chooseFirst(chosen, request, caller);
    if (!target) return false;
    // What has to be translated, here or where the call may go on, goes its own way.
    if (!targets.every(speaksChat)) return false;
    const secret = credentials.secretOf(target.provider);
    if (!(secret instanceof Promise)) return serve(exchange, request, target, chosen, secret);
    return secret.then(
      (opened) => serve(exchange, request, target, chosen, opened),
      () => false,
    );
  };
}

function speaksChat({ provider, model }: Target): boolean {
  return provider.dialect === "openai" && !quirksOf(provider, model);
}

function toMessage(start: string, request: ScannedRequest, { model }: Target): RequestBytes {
  const patch = patchBody(request, model.upstreamName, undefined);
  if (!patch) return composeRequest(start, request.body);
  const body = Buffer.allocUnsafe(patch.bytes);
  writePatched(patch, body, 0);
  return composeRequest(start, body);
}

/** Two at once, one that goes on for another, one that is mirrored and one that is compared are the ordinary way's. */
function isOrdinary({ route: { hedge, continues, mirror }, comparesMeaning }: Routed): boolean {
  return hedge !== null || continues || mirror !== null || comparesMeaning;
}
