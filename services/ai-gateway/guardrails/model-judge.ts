import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { withTimeout } from "@lyss/kit/resilience/timeout.ts";
import { findTargets } from "../call/choose-target.ts";
import { serveOwnCall } from "../call/serve-own-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { askInOpenAi } from "../dialects/openai/pass-through.ts";
import { gatherAnswer } from "../once/gather-answer.ts";
import type { GuardrailSpec } from "./guardrail.ts";
import { JudgeError, type Question, type Verdict } from "./judge.ts";
import { toChatBody, toChatVerdict, toModerationBody, toModerationVerdict } from "./model-verdict.ts";

type ModelSpec = Extract<GuardrailSpec, { kind: "model" }>;

const maxAnswerBytes = 4_194_304;

/**
 * Asks a model of the tenant's: a call of its own, that no guardrail looks at and that whoever makes the call pays for, whichever models
 * that key may use. Throws a JudgeError, or the signal's reason.
 */
export async function askModel(deps: AiGatewayDeps, spec: ModelSpec, question: Question): Promise<Verdict> {
  const { limitMs, signal, texts } = question;
  try {
    const bytes = await withTimeout(deps.clock, limitMs, signal, (limited) => ask(deps, spec, question, limited));
    return (spec.ask === "chat" ? toChatVerdict : toModerationVerdict)(spec, parse(bytes), texts.length);
  } catch (err) {
    if (signal.aborted) throw signal.reason;
    if (isFailure(err, kitFailures.deadline_exceeded) || isFailure(err, aiGatewayFailures.upstream_timeout)) {
      throw new JudgeError("timeout", { cause: err });
    }
    throw isFailure(err) ? new JudgeError(err.type.publicCode as `${Uppercase<string>}_`, { cause: err }) : err;
  }
}

async function ask(
  deps: AiGatewayDeps,
  spec: ModelSpec,
  question: Question,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const { call, limitMs: timeoutMs } = question;
  const { requestId, tags } = call;
  const isChat = spec.ask === "chat";
  const body = Buffer.from(JSON.stringify((isChat ? toChatBody : toModerationBody)(spec, question)));
  const askedCall = askInOpenAi(isChat ? "chat" : "moderations", body);
  // That this model is asked the tenant has said, whichever models the key may name itself.
  const caller = { ...call.caller, models: [] };
  const { targets } = await findTargets(deps, caller, askedCall, tags);
  const callId = deps.random.id("call");
  const record = gatherAnswer(maxAnswerBytes);
  try {
    await serveOwnCall(deps, { callId, requestId, caller, tags, askedCall, targets, timeoutMs, signal, record });
    return record.bytes();
  } finally {
    deps.choices.end({ tenantId: caller.tenantId, callId }, undefined, [], { partOf: call.callId || undefined });
  }
}

function parse(bytes: Buffer | undefined): unknown {
  try {
    return JSON.parse(bytes?.toString("utf8") ?? "");
  } catch (cause) {
    throw new JudgeError("malformed", { cause });
  }
}
