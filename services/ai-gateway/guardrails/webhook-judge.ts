import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { readWebhookSecret, toWebhookHeaders } from "@lyss/kit/http/standard-webhook.ts";
import { requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import { createPolicy, type Policy } from "@lyss/kit/resilience/policy.ts";
import { policySchema } from "@lyss/kit/resilience/policy-config.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { withTimeout } from "@lyss/kit/resilience/timeout.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { readBody } from "../call/send-upstream.ts";
import type { CredentialCache } from "../credential-cache.ts";
import { type Provider, pathAt } from "../model.ts";
import type { UpstreamPools } from "../upstream-pools.ts";
import type { Guardrail } from "./guardrail.ts";
import { JudgeError, type Question, type Verdict } from "./judge.ts";
import { readWebhookReply, toWebhookBody } from "./webhook-message.ts";

export interface WebhookDeps {
  readonly pools: UpstreamPools;
  readonly credentials: CredentialCache;
  readonly clock: Clock;
  readonly random: Random;
}

/** What is asked at most in one message. */
const maxMessageBytes = 4_194_304;
/** A reply holds no more than what it may put in the place of what was sent, and this. */
const maxReplyOverhead = 65_536;
const maxConcurrent = 200;
const maxQueueMs = 1_000;

/** Asks webhooks: each rule has a breaker and places of its own, and connections that are kept. */
export function createWebhookAsking(deps: WebhookDeps) {
  const { pools, credentials, clock, random } = deps;
  /** By the rule as it is now: one that changes is another object. */
  const peers = new WeakMap<Guardrail, { readonly upstream: Provider; readonly policy: Policy }>();

  function peerOf(guardrail: Guardrail, url: string) {
    let peer = peers.get(guardrail);
    if (!peer) {
      const bulkhead = { maxConcurrent, maxQueue: maxConcurrent, maxQueueMs };
      const upstream = upstreamOf(guardrail, url);
      const policy = createPolicy(upstream.name, policySchema.parse({ bulkhead, breaker: {} }), { clock, random });
      peer = { upstream, policy };
      peers.set(guardrail, peer);
    }
    return peer;
  }

  async function post(upstream: Provider, body: Buffer, signal: AbortSignal): Promise<Buffer> {
    const secret = await credentials.secretOf(upstream);
    const pool = pools.poolOf(upstream);
    const key = readWebhookSecret(secret);
    const headers = {
      ...{ "content-type": "application/json", accept: "application/json", "user-agent": "lyss" },
      ...toWebhookHeaders(random.id("msg"), clock.nowMs(), body, key ? [key] : []),
    };
    const path = pathAt(upstream, "") || "/";
    const start = toRequestStart({ method: "POST", path, authority: pool.authority, headers });
    const answer = await requestAnswer(pool, composeRequest(start, body), signal);
    // No redirect is followed: where it leads, nobody has checked.
    if (answer.head.status !== 200 || answer.head.find("content-encoding") !== undefined) {
      answer.discard();
      throw new JudgeError(answer.head.status === 200 ? "malformed" : "status");
    }
    return readBody(answer, maxReplyOverhead + 2 * body.length).catch((cause: unknown) => {
      throw cause instanceof RangeError ? new JudgeError("too_large", { cause }) : cause;
    });
  }

  /** Throws a JudgeError, or the signal's reason. */
  return async (guardrail: Guardrail, url: string, question: Question): Promise<Verdict> => {
    const { texts, limitMs, signal } = question;
    const body = toWebhookBody(guardrail, question, clock.nowMs());
    if (body.length > maxMessageBytes) throw new JudgeError("too_large");
    const { upstream, policy } = peerOf(guardrail, url);
    try {
      return await withTimeout(clock, limitMs, signal, (limited) =>
        policy.run(async (inner) => readWebhookReply(await post(upstream, body, inner), texts.length), {
          signal: limited,
        }),
      );
    } catch (err) {
      throw signal.aborted ? signal.reason : toJudgeError(err);
    }
  };
}

/** The rule's address as those parts see it that hold secrets and connections: the operator's own may be private, a tenant's never. */
function upstreamOf({ tenantId, name, credentialId, updatedAt }: Guardrail, url: string): Provider {
  const named = tenantId === "" ? `guardrail.${name}` : `guardrail.${name}@${tenantId}`;
  return {
    ...{ providerId: named, tenantId, name: named, dialect: "openai", baseUrl: url, credentialId, models: [] },
    ...{ source: tenantId === "" ? "config" : "tenant", onDisconnect: "cancel", serverTools: false },
    createdAt: updatedAt,
  };
}

function toJudgeError(cause: unknown): JudgeError {
  if (cause instanceof JudgeError) return cause;
  if (isFailure(cause, kitFailures.deadline_exceeded)) return new JudgeError("timeout", { cause });
  if (isFailure(cause, resilienceFailures.bulkhead_full)) return new JudgeError("busy", { cause });
  if (isFailure(cause, resilienceFailures.circuit_open)) return new JudgeError("circuit_open", { cause });
  return new JudgeError("unreachable", { cause });
}
