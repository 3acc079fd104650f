import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Call } from "../call/call.ts";
import { type PreparedCall, prepare, takersFor, type Walk } from "../call/prepare-call.ts";
import type { FailedAttempt } from "../call/race.ts";
import { noteBrokenOff, noteLeft } from "../choices/choice.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { ReadCall } from "../dialects/dialect.ts";
import type { Target } from "../model.ts";
import { toContinuedRequest } from "./continued-request.ts";
import { createRest } from "./continued-writer.ts";
import { prefillOf } from "./prefill.ts";

/**
 * The rest of an answer that broke off after it had begun, at another target that goes on with what is begun: an attempt of the call with
 * money of its own, beside what the beginning has cost. Undefined where there is none that would, nor money, nor an attempt left.
 */
export async function continueElsewhere(
  deps: AiGatewayDeps,
  walk: Walk,
  { call, failed }: { readonly call: Call; readonly failed: FailedAttempt },
  open: (at: PreparedCall) => Promise<Call>,
): Promise<Call | undefined> {
  const { failOver, log } = deps;
  const takers = takersFor(walk).filter((target) => prefillOf(target) !== undefined);
  const { tried, attempts } = walk;
  let target = failOver.next(failed.err, { tried, targets: takers, attempts });
  for (; target; target = failOver.skip(tried, takers)) {
    tried.push(target);
    try {
      const at = await prepareToGoOn(deps, walk, target, { call, failed });
      if (!at) return undefined;
      const next = await open(at);
      noteBrokenOff(walk.choice, call.target, failed.err);
      const names = { from: call.target.provider.name, to: target.provider.name };
      log.warn(
        { ...names, call_id: call.callId, model: call.target.model.name, err: failed.err },
        "an answer goes on elsewhere",
      );
      return next;
    } catch (err) {
      if (!isFailure(err)) throw err;
      noteLeft(walk.choice, target, err, false);
    }
  }
  return undefined;
}

async function prepareToGoOn(
  deps: AiGatewayDeps,
  walk: Walk,
  target: Target,
  { call, failed }: { readonly call: Call; readonly failed: FailedAttempt },
): Promise<PreparedCall | undefined> {
  const { shown, writer, guard } = call;
  const prefill = prefillOf(target);
  if (!shown || !prefill) return undefined;
  const spent = failed.ending.tokens;
  const text = shown.toTell?.(shown.text) ?? shown.text;
  const said = { text, outputTokens: Number(foldCounts(spent).outputTokens) };
  const request = toContinuedRequest(call.request, said, prefill);
  if (!request) return undefined;
  const by = { provider: target.provider.name, attempt: walk.attempts + 1 };
  const rest = createRest(writer, { shown, spent, by, isTrimmed: prefill.isTrimmed });
  const read: ReadCall = {
    ...{ request, createWriter: () => rest.writer },
    // What is held back of the beginning is looked at with what follows.
    ...(guard && { openGuard: () => rest.guard(guard) }),
  };
  const at = await prepare(deps, walk, target, () => read);
  return { ...at, continuesAttempt: call.attempt };
}
