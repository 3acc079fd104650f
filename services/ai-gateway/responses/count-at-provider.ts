import { requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import { withTimeout } from "@lyss/kit/resilience/timeout.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { readBody } from "../call/send-upstream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { pathAt, type Target } from "../model.ts";
import { wires } from "../providers/wires.ts";

type CountDeps = Pick<AiGatewayDeps, "pools" | "clock" | "credentials" | "policies" | "modelLimits" | "log">;

const timeoutMs = 5_000;
const maxBytes = 65_536;

/**
 * What a provider of the Responses API counts in a conversation, which costs nothing there and is one request of its limits. Undefined where it does not say
 * so within five seconds, for whatever reason: never rejects.
 */
export async function countAtProvider(
  deps: CountDeps,
  target: Target,
  caller: Caller,
  body: Buffer,
): Promise<number | undefined> {
  const { provider } = target;
  try {
    const place = deps.modelLimits.enter(target, caller, 0);
    try {
      const secret = await deps.credentials.secretOf(provider);
      const policy = deps.policies.policyOf(provider);
      const ask = (signal: AbortSignal) =>
        policy.run((inner) => count(deps, target, { secret, body }, inner), { signal });
      return await withTimeout(deps.clock, timeoutMs, undefined, ask);
    } finally {
      place?.end(0);
    }
  } catch (err) {
    deps.log.debug({ err, provider: provider.name }, "a provider does not count; we do");
    return undefined;
  }
}

async function count(
  { pools, clock }: CountDeps,
  { provider }: Target,
  { secret, body }: { readonly secret: string; readonly body: Buffer },
  signal: AbortSignal,
): Promise<number | undefined> {
  const wire = wires[provider.dialect];
  const pool = pools.poolOf(provider);
  const path = pathAt(provider, "/responses/input_tokens");
  const sent = { method: "POST" as const, path, authority: pool.authority };
  const signed = wire.sign?.(secret, { ...sent, body, nowMs: clock.nowMs() });
  const headers = {
    accept: "application/json",
    "content-type": "application/json",
    ...wire.toHeaders(secret),
    ...signed,
  };
  const answer = await requestAnswer(pool, composeRequest(toRequestStart({ ...sent, headers }), body), signal);
  const received = await readBody(answer, maxBytes);
  const counted =
    answer.head.status === 200 ? fieldOf(JSON.parse(received.toString("utf8")), "input_tokens") : undefined;
  return Number.isSafeInteger(counted) && Number(counted) >= 0 ? Number(counted) : undefined;
}
