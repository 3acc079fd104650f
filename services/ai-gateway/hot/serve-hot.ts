import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import { composeRequest, type RequestBytes } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { PolicyPlace } from "@lyss/kit/resilience/policy-place.ts";
import { readTags } from "../call/read-tags.ts";
import { mostOutputTokens } from "../call/serve-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { CallToFund, Drawn } from "../funds/funds.ts";
import { isModelAllowed, type Target } from "../model.ts";
import { quirksOf } from "../provider-quirks.ts";
import { patchBody, writePatched } from "../scan/patch-body.ts";
import { type ScannedRequest, scanRequest } from "../scan/scan-request.ts";
import { HotCall } from "./hot-call.ts";
import { createRequestStarts } from "./request-starts.ts";

/**
 * A chat call as one straight line: no promise until its attempt is on disk unless something has to be looked up, and no parsed
 * body. False for what is refused, unusual, or too scarce for a lease: `serveCall` does the same in its own time and says what
 * is wrong; nothing has been taken then.
 */
export function createHotCalls(deps: AiGatewayDeps): (exchange: HotExchange) => boolean | Promise<boolean> {
  const { openCalls, catalog, settings, credentials, funding, pools } = deps;
  const startOf = createRequestStarts();

  function serve(exchange: HotExchange, request: ScannedRequest, target: Target, secret: string) {
    const pool = pools.poolOf(target.provider);
    const start = startOf(target.provider, pool.authority, secret, request.isStream);
    const toRun = start === undefined ? undefined : toFund(deps.random.id("call"), request, target, exchange);
    const place = toRun && placeAtOnce(deps, target);
    if (start === undefined || !place) return false;
    const { callId } = toRun;
    const run = (drawn: Drawn | undefined) => {
      if (drawn) {
        const message = compose(start, request, target);
        new HotCall(deps, exchange, { callId, request, target, place, drawn, pool, message }).run();
      } else {
        place.end();
      }
      return drawn !== undefined;
    };
    const drawing = funding.draw(toRun);
    return drawing instanceof Promise ? drawing.then(run, () => run(undefined)) : run(drawing);
  }

  return (exchange) => {
    // A trace that goes on at the provider makes each request's head another one.
    if (openCalls.isStopping || settings.sendTraceparent) return false;
    const { caller, body } = exchange.facts;
    const request = scanRequest(body);
    if (!request || request.mayHoldMedia) return false;
    const target = catalog.findTarget(caller.tenantId, request.model);
    if (!target || !isModelAllowed(caller.models, request.model)) return false;
    // What has to be translated goes its own way.
    if (target.provider.dialect !== "openai" || quirksOf(target.provider, target.model)) return false;
    const secret = credentials.secretOf(target.provider);
    if (!(secret instanceof Promise)) return serve(exchange, request, target, secret);
    return secret.then(
      (opened) => serve(exchange, request, target, opened),
      () => false,
    );
  };
}

function placeAtOnce({ policies }: AiGatewayDeps, { provider }: Target): PolicyPlace | undefined {
  try {
    return policies.policyOf(provider).enterNow();
  } catch (err) {
    if (isFailure(err)) return undefined;
    throw err;
  }
}

/** Undefined where the tags are none. */
function toFund(
  callId: string,
  request: ScannedRequest,
  target: Target,
  { facts: { caller, requestId, headers } }: HotExchange,
): CallToFund | undefined {
  const { tenantId, keyId, userId } = caller;
  const most = mostOutputTokens({ surface: "chat", outputLimit: request.outputLimit }, target);
  try {
    return {
      ...{ callId, requestId, tenantId, keyId, userId, provider: target.provider.name, model: target.model.name },
      tags: readTags({ headers }),
      // A token has at least a byte, and what frames a message takes more bytes than tokens.
      inputTokens: BigInt(request.body.length),
      maxOutputTokens: BigInt(most),
      minOutputTokens: BigInt(most),
      choices: request.choices,
      serviceMode: request.serviceMode,
    };
  } catch (err) {
    if (isFailure(err)) return undefined;
    throw err;
  }
}

function compose(start: string, request: ScannedRequest, { model }: Target): RequestBytes {
  const patch = patchBody(request, model.upstreamName, undefined);
  if (!patch) return composeRequest(start, request.body);
  const body = Buffer.allocUnsafe(patch.bytes);
  writePatched(patch, body, 0);
  return composeRequest(start, body);
}
