import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { type Answer, requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import type { OpenCall } from "@lyss/kit/resilience/open-call.ts";
import { delay } from "@lyss/kit/service/clock.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { originOf, type Provider, pathAt } from "../model.ts";
import type { Call } from "./call.ts";
import { followTask, type TaskAsker } from "./follow-task.ts";
import { maxErrorBytes, readBody, sendOnce, toFailure, toRequestHeaders, toStatusFailure } from "./send-upstream.ts";

/**
 * Sends a call to its provider, as the provider's policy says, and resolves with the head of its answer, which is to be
 * ended when it has been read. Throws a gateway failure where there is none, and what the policy throws.
 */
export async function openUpstream(deps: AiGatewayDeps, call: Call): Promise<OpenCall<Answer>> {
  const { provider } = call.target;
  // Outside the policy: that our own vault is away says nothing about the provider.
  const secret = await deps.credentials.secretOf(provider);
  const { tasks } = call.wire;
  const send = async () => {
    const answer = await sendOnce(deps, call, secret);
    return tasks ? followTask(createTaskAsker(deps, call, secret), tasks, answer, call.request.isStream) : answer;
  };
  call.giveUpClaim?.();
  return deps.policies.policyOf(provider).open(send, call.abort);
}

/** Requests that belong to a call which its provider has taken as a task. */
function createTaskAsker(deps: AiGatewayDeps, call: Call, secret: string): TaskAsker {
  const { target, abort } = call;
  const { provider, model } = target;
  const { signal } = abort;
  const fail = () => new Failure(aiGatewayFailures.upstream_failed, { model: model.name });

  async function ask(asked: AskedOfTask, at: Provider, until: AbortSignal): Promise<Answer> {
    const pool = deps.pools.poolOf(at);
    const start = toRequestStart({ ...asked, authority: pool.authority });
    const answer = await requestAnswer(pool, composeRequest(start, undefined), until);
    if (answer.head.status === 200) return answer;
    const said = await readBody(answer, maxErrorBytes).catch(() => undefined);
    throw toStatusFailure(deps, target, answer.head, said);
  }

  const askProvider = (method: "GET" | "POST", endpoint: string, until: AbortSignal) => {
    const headers = toRequestHeaders(provider, secret, false);
    return ask({ method, path: pathAt(provider, endpoint), headers }, provider, until);
  };
  const read = async (answer: Answer): Promise<unknown> => {
    try {
      return JSON.parse((await readBody(answer, deps.settings.maxResponseBytes)).toString("utf8"));
    } catch (err) {
      throw toFailure(deps, call, err);
    }
  };

  return {
    ...{ signal, read, fail },
    async get(endpoint) {
      try {
        return await read(await askProvider("GET", endpoint, signal));
      } catch (err) {
        throw toFailure(deps, call, err);
      }
    },
    async openStream(url, origins) {
      const { origin, pathname, search } = parseUrl(url) ?? {};
      const known = [originOf(provider), ...origins, ...(provider.streamOrigins ?? [])];
      if (origin === undefined || !known.includes(origin)) {
        deps.log.error(
          { provider: provider.name, origin },
          "a provider streams from an origin that it is not known to have",
        );
        throw fail();
      }
      const headers = { accept: "text/event-stream", "cache-control": "no-store", "user-agent": "lyss" };
      try {
        const asked = { method: "GET" as const, path: `${pathname}${search}`, headers };
        return await ask(asked, { ...provider, baseUrl: origin }, signal);
      } catch (err) {
        throw toFailure(deps, call, err);
      }
    },
    giveUp(endpoint) {
      askProvider("POST", endpoint, new AbortController().signal)
        .then((answer) => answer.discard())
        .catch((err: unknown) => deps.log.warn({ err, provider: provider.name }, "a task was not given up"));
    },
    pause: (delayMs) => delay(deps.clock, delayMs, signal),
  };
}

interface AskedOfTask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

function parseUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}
