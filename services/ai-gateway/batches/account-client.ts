import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { type Answer, requestAnswer } from "@lyss/kit/http/upstream/request-answer.ts";
import { composeRequest, type RequestStart, toRequestStart } from "@lyss/kit/http/upstream/request-bytes.ts";
import { readBody, toCallFailure, toStatusFailure } from "../call/send-upstream.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { UpstreamStatus } from "../dialects/openai/upstream-failure.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { pathAt, type Target } from "../model.ts";
import { wires } from "../providers/wires.ts";

export type AccountDeps = Pick<AiGatewayDeps, "pools" | "credentials" | "policies" | "log" | "settings" | "random">;

export const maxAnswerBytes = 4_194_304;

export interface AskedAccount {
  readonly method: RequestStart["method"];
  readonly endpoint: string;
  readonly body?: { readonly contentType: string; readonly bytes: Buffer };
  /** Told besides what the provider's wire tells. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Statuses besides 200 that are an answer. */
  readonly accepted?: readonly number[];
}

export function toJsonBody(json: object) {
  return { contentType: "application/json", bytes: Buffer.from(JSON.stringify(json)) };
}

/**
 * What stands at the account of a provider: tasks, and what belongs to them. `target` names the account, and the model for failures. Throws the
 * failures of a model call at it.
 */
export function createAccountClient(deps: AccountDeps, target: Target) {
  const { provider } = target;
  const { pools, credentials, policies } = deps;

  /** The answer, to be read once. */
  async function open({ method, endpoint, body, headers: more, accepted = [] }: AskedAccount): Promise<Answer> {
    const pool = pools.poolOf(provider);
    const headers = {
      ...{ accept: "application/json", "user-agent": "lyss", ...(body && { "content-type": body.contentType }) },
      ...wires[provider.dialect].toHeaders(await credentials.secretOf(provider)),
      ...more,
    };
    const start = toRequestStart({ method, path: pathAt(provider, endpoint), authority: pool.authority, headers });
    try {
      // The pool has limits for the head and for pauses.
      const answer = await requestAnswer(pool, composeRequest(start, body?.bytes), new AbortController().signal);
      const { status } = answer.head;
      if (status === 200 || accepted.includes(status)) return answer;
      const said = await readBody(answer, maxAnswerBytes).catch(() => undefined);
      throw toStatusFailure(deps, target, answer.head, said);
    } catch (err) {
      throw toCallFailure(deps, target, err, undefined);
    }
  }

  /** What a provider has not answered is repeated by whoever asks, who knows whether that is safe. */
  async function ask(asked: AskedAccount): Promise<unknown> {
    policies.policyOf(provider).breaker()?.throwIfOpen();
    return parseAnswer(target, await readBody(await open(asked), maxAnswerBytes));
  }

  return { open, ask };
}

/** What a refusal of a batch's requests means, of so many bytes; what else went wrong stays what it is. */
export function toBatchRefusal(err: unknown, { model: { name: model } }: Target, bytes: number): unknown {
  if (!isFailure(err, aiGatewayFailures.upstream_rejected)) return err;
  if (err.cause instanceof UpstreamStatus && err.cause.status === 413) {
    return new Failure(batchFailures.batch_too_large, { model, bytes }, { cause: err });
  }
  return new Failure(batchFailures.batch_refused, { ...err.details, model }, { cause: err });
}

/** The id of what a provider shows. Throws `upstream_failed` where there is none. */
export function readId({ model }: Target, json: unknown): string {
  const id = fieldOf(json, "id");
  if (typeof id === "string" && id !== "" && id.length <= 256) return id;
  throw new Failure(aiGatewayFailures.upstream_failed, { model: model.name });
}

export function parseAnswer({ model }: Target, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new Failure(aiGatewayFailures.upstream_failed, { model: model.name }, { cause });
  }
}
