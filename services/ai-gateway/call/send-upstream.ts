import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { type Answer, requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { ResponseHead } from "@lyss/kit/http/upstream/response-head.ts";
import { UpstreamError } from "@lyss/kit/http/upstream/upstream-error.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import { toTraceparent } from "@lyss/kit/rpc/context-headers.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import { type Provider, pathAt, type Target } from "../model.ts";
import { wires } from "../providers/wires.ts";
import type { Call } from "./call.ts";
import { hasNotLeft } from "./dispatch.ts";
import { readRetryHint } from "./retry-hint.ts";
import { findUpstreamRequestId } from "./upstream-request-id.ts";

export const maxErrorBytes = 65_536;
/** Of an answer that is a task. */
const taskStatuses = [201, 202];

/**
 * Resolves with the head of a 200 answer, or of one that is a task where the provider has tasks; throws a gateway failure for every other. The
 * request is composed, never forwarded: nothing of the caller's head goes upstream.
 */
export async function sendOnce(deps: AiGatewayDeps, call: Call, secret: string): Promise<Answer> {
  const { provider, model } = call.target;
  const sentMs = deps.clock.monotonicMs();
  let answer: Answer;
  call.dispatch.unanswered++;
  try {
    const pool = deps.pools.poolOf(provider);
    const body = call.draft.toBody(call.outputTokens);
    const sent = { method: "POST" as const, path: pathAt(provider, call.draft.endpoint), authority: pool.authority };
    const start = toRequestStart({
      ...sent,
      headers: {
        ...toRequestHeaders(provider, secret, call.request.isStream),
        ...call.wire.sign?.(secret, { ...sent, body, nowMs: deps.clock.nowMs() }),
        ...call.draft.headers,
        ...(deps.settings.sendTraceparent && traceHeaders()),
      },
    });
    answer = await requestAnswer(pool, composeRequest(start, body), call.abort.signal);
  } catch (err) {
    if (hasNotLeft(err)) call.dispatch.unanswered--;
    throw toFailure(deps, call, err);
  }
  deps.metrics.of(call.target).observeFirstByte(deps.clock.monotonicMs() - sentMs);
  call.dispatch.upstreamRequestId = findUpstreamRequestId(answer.head);
  const { status } = answer.head;
  if (status !== 200 && !(call.wire.tasks && taskStatuses.includes(status))) {
    call.dispatch.unanswered--;
    throw await readStatusFailure(deps, call, answer);
  }
  if (answer.head.find("content-encoding") !== undefined) {
    answer.discard();
    throw new Failure(aiGatewayFailures.upstream_failed, { model: model.name });
  }
  return answer;
}

/** What a provider is told besides the body. An empty secret is none. */
export function toRequestHeaders(
  { dialect }: Pick<Provider, "dialect">,
  secret: string,
  isStream: boolean,
): Record<string, string> {
  return {
    "content-type": "application/json",
    accept: isStream ? (wires[dialect].framing?.contentType ?? "text/event-stream") : "application/json",
    "user-agent": "lyss",
    ...wires[dialect].toHeaders(secret),
  };
}

/** Lets a provider that is ours too join its spans to the trace. */
function traceHeaders(): Record<string, string> {
  const context = currentContext();
  return context ? { traceparent: toTraceparent(context) } : {};
}

async function readStatusFailure(deps: AiGatewayDeps, { target }: Call, answer: Answer): Promise<Failure> {
  // Too long, or cut: its status says enough.
  const body = await readBody(answer, maxErrorBytes).catch(() => undefined);
  return toStatusFailure(deps, target, answer.head, body);
}

/** What an answer with another status than 200 means; `body` as far as it was read. */
export function toStatusFailure(
  { log }: Pick<AiGatewayDeps, "log">,
  { provider, model }: Target,
  head: Pick<ResponseHead, "status" | "find">,
  body: Buffer | undefined,
): Failure {
  const { status } = head;
  if (status === 401 || status === 403) {
    const upstream_request_id = findUpstreamRequestId(head);
    log.error(
      { provider: provider.name, status, upstream_request_id },
      "a provider refuses the credential it was given",
    );
  }
  const said = body && parseIfJson(body);
  return toUpstreamFailure({
    model: model.name,
    status,
    body: said,
    retryAfterMs: readRetryHint((name) => head.find(name), said),
  });
}

function parseIfJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The whole body of an answer. Throws a RangeError and closes the connection when it passes `maxBytes`. */
export async function readBody(answer: Answer, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.length;
    if (size > maxBytes) {
      answer.discard();
      throw new RangeError(`an answer exceeds ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

/** What a transport error means to the caller; noted as why the attempt failed. */
export function toFailure(
  deps: Pick<AiGatewayDeps, "log">,
  { target, dispatch, abort: { signal } }: Pick<Call, "target" | "dispatch" | "abort">,
  err: unknown,
): unknown {
  dispatch.failure = toCallFailure(deps, target, err, signal.aborted ? signal.reason : undefined);
  return dispatch.failure;
}

/** The same of a call to `target`. `reason` is what ended the call, undefined where nobody did. */
export function toCallFailure(
  { log }: Pick<AiGatewayDeps, "log">,
  target: Target,
  err: unknown,
  reason: unknown,
): unknown {
  const details = { model: target.model.name };
  // What ended the call says more than how the connection took it.
  const told = reason ?? err;
  if (isFailure(told, kitFailures.deadline_exceeded)) {
    return new Failure(aiGatewayFailures.upstream_timeout, { ...told.details, ...details });
  }
  if (isFailure(err)) return err;
  if (reason !== undefined) return reason;
  const timeoutMs = err instanceof UpstreamError ? err.timeoutMs : undefined;
  if (timeoutMs !== undefined) {
    return new Failure(aiGatewayFailures.upstream_timeout, { ...details, timeoutMs }, { cause: err });
  }
  log.warn({ err, provider: target.provider.name }, "a provider failed to answer");
  return new Failure(aiGatewayFailures.upstream_failed, details, { cause: err });
}
