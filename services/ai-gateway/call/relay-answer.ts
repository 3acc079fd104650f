import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { textOf } from "../dialects/openai/delivered-text.ts";
import { findInBandFailure } from "../dialects/openai/upstream-failure.ts";
import { fieldOf, readServiceMode } from "../dialects/openai/usage.ts";
import { isRefusedByGuard } from "../guardrails/answer-guard.ts";
import { readUsageOf } from "../surfaces/read-units.ts";
import { type Call, type Ending, endOfWholeAnswer, endWithCharge, headersOf } from "./call.ts";
import { readBody, toFailure } from "./send-upstream.ts";

const jsonType = "application/json";

/**
 * Relays an answer that is not streamed. Its charge is committed before its bytes leave: an answer that the caller has
 * is an answer that was paid for. Throws, with nothing sent, when the provider's answer is not one.
 */
export async function relayAnswer(
  deps: AiGatewayDeps,
  call: Call,
  answer: Answer,
  settle: (ending: Ending) => Promise<void>,
): Promise<void> {
  const received = await readBody(answer, deps.settings.maxResponseBytes).catch((err: unknown) => {
    throw toFailure(deps, call, err);
  });
  const model = call.target.model.name;
  const toAnswer = call.draft.toAnswer ?? call.wire.toAnswer;
  const { body, json, contentType = jsonType } = toAnswer(received, parseJson(model, received), call.facts);
  checkAnswer(model, json);
  const delivered = { text: textOf(json), countedTokens: 0 };
  const reported = { usage: readUsageOf(call.request, json), serviceMode: readServiceMode(json) };
  const shown = await call.guard?.whole(body, json, call.abort.signal).catch(async (err: unknown) => {
    call.dispatch.failure = err;
    // It was made, and is charged; another would be looked at no otherwise.
    if (isRefusedByGuard(err)) await settle(await endWithCharge(call, "truncated", reported, delivered));
    throw err;
  });
  const ending = await endWithCharge(call, endOfWholeAnswer(call), reported, delivered);
  const bytes = await call.writer.whole(shown?.body ?? body, shown ? shown.json : json, ending.tokens);
  call.record?.add(bytes);
  await call.record?.keep(contentType, ending.tokens);
  await settle(ending);

  const { res } = call;
  if (res.destroyed) return;
  res.writeHead(200, {
    "content-type": contentType,
    "content-length": bytes.length,
    "cache-control": "no-store",
    ...headersOf(call),
  });
  res.end(bytes);
}

/** An empty body, a page of HTML, an error under status 200 or a choice that never ended is a failed call, not an answer. */
export function parseAnswer({ target }: Pick<Call, "target">, body: Buffer): unknown {
  const json = parseJson(target.model.name, body);
  checkAnswer(target.model.name, json);
  return json;
}

function parseJson(model: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new Failure(aiGatewayFailures.upstream_failed, { model }, { cause });
  }
}

function checkAnswer(model: string, json: unknown): void {
  const failure = findInBandFailure(model, json);
  if (failure) throw failure;
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new Failure(aiGatewayFailures.upstream_failed, { model });
  }
  const choices = fieldOf(json, "choices");
  if (Array.isArray(choices) && choices.some((choice) => fieldOf(choice, "finish_reason") === null)) {
    throw new Failure(aiGatewayFailures.upstream_failed, { model });
  }
}
