import { agentCalled } from "@lyss/contracts/events/ai-gateway.ts";
import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import { CallError, CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import { RpcAnswerError } from "../servers/rpc-answer-error.ts";
import { type Agent, messageUnit, payeeOf } from "./agent.ts";
import { toAgentFailure } from "./agent-failure.ts";
import { isStreamed, type Operation, type ProtocolVersion, type Reference } from "./protocol.ts";
import type { AgentInterface } from "./read-card.ts";
import { readEvent } from "./read-event.ts";
import type { ReferenceOwner } from "./reference-store.ts";

/** A request to an agent, whose references are its caller's own. */
export interface AgentCall {
  readonly caller: Caller;
  readonly agent: Agent;
  readonly version: ProtocolVersion;
  readonly operation: Operation;
  readonly method: string;
  /** As the caller has sent them. */
  readonly params: RpcParams;
  readonly at: AgentInterface;
  readonly owner: ReferenceOwner;
  readonly extensions: string | undefined;
  /** Of one that costs something. */
  readonly callId: string;
  readonly requestId: string;
  readonly tags: TagsText;
  /** Aborted when the caller has left, or with the Failure that ends the call. */
  readonly abort: AbortController;
  /** Each result of a stream as JSON, one after the other: the next is read when it resolves. */
  onEvent(text: string, signal: AbortSignal): Promise<void>;
}

const nothing: TokenCounts = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
const oneCall = { toolCalls: 1n };

/**
 * A message to an agent: what it costs is set aside before anything is sent, and charged when the agent has answered, whatever it says: with a result, or with a
 * stream that came to its end or was left by its caller after the agent had begun. Gives the result as JSON, undefined for a stream, whose results have left
 * as they came. Throws billing's failures, what the agent's policy refuses with, and what went wrong at the agent.
 */
export async function callAgent(deps: AiGatewayDeps, call: AgentCall): Promise<string | undefined> {
  const { agent, abort, caller } = call;
  const { clock } = deps;
  // Before money is set aside for a call that would be refused.
  deps.agentCatalog.policyOf(agent).breaker()?.throwIfOpen();
  const { tenantId, keyId, userId } = caller;
  const startedMs = clock.monotonicMs();
  const funds = await deps.funding.fund({
    ...{ callId: call.callId, requestId: call.requestId, tenantId, keyId, userId, tags: call.tags },
    ...{ provider: payeeOf(agent), model: messageUnit, fixed: oneCall, isStreamed: isStreamed(call.operation) },
    ...{ inputTokens: 0n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1 },
  });
  const said: Said = { ...nothingYet, taskId: "" };
  const settle = (outcome: CallOutcome, isDue: boolean, mayBeDue: boolean) =>
    funds.settle({
      ...{ outcome, tokens: isDue ? { ...nothing, otherBuckets: oneCall } : nothing, isEstimated: false },
      ...{ mayHaveUsed: mayBeDue ? { ...nothing, otherBuckets: oneCall } : undefined },
      ...{ latencyMs: clock.monotonicMs() - startedMs },
      firstTokenMs: said.firstEventMs === undefined ? undefined : said.firstEventMs - startedMs,
      error: outcome === CallOutcome.FAILED ? CallError.PROVIDER_FAILED : undefined,
    });
  try {
    const text = await runCall(deps, call, said);
    // An answer is whole only after its charge is written down.
    await settle(CallOutcome.COMPLETED, true, false);
    await record(deps, call, said, "completed", "");
    return text;
  } catch (err) {
    const hasLeft = abort.signal.aborted && !isFailure(abort.signal.reason);
    const isDue = hasLeft && said.hasAnswered;
    const wasRefused = isFailure(err, agentFailures.agent_refused);
    const outcome = hasLeft ? CallOutcome.CANCELED : CallOutcome.FAILED;
    await settle(outcome, isDue, !isDue && said.wasSent && !wasRefused);
    await record(deps, call, said, hasLeft ? "canceled" : "failed", isFailure(err) ? err.type.publicCode : "");
    throw hasLeft ? new Failure(kitFailures.canceled) : err;
  }
}

/** What is asked about a task, which costs nothing. Gives and throws as `callAgent`; one that cancels is recorded. */
export async function askAgent(deps: AiGatewayDeps, call: AgentCall): Promise<string | undefined> {
  const said: Said = { ...nothingYet, taskId: String(call.params["id"]) };
  const isRecorded = call.operation === "cancel";
  try {
    const text = await runCall(deps, call, said);
    if (isRecorded) await record(deps, call, said, "completed", "");
    return text;
  } catch (err) {
    const hasLeft = call.abort.signal.aborted && !isFailure(call.abort.signal.reason);
    const failure = isFailure(err) ? err.type.publicCode : "";
    if (isRecorded) await record(deps, call, said, hasLeft ? "canceled" : "failed", failure);
    throw hasLeft ? new Failure(kitFailures.canceled) : err;
  }
}

const nothingYet = { wasSent: false, hasAnswered: false, firstEventMs: undefined };

/** How far a call came. */
interface Said {
  wasSent: boolean;
  hasAnswered: boolean;
  /** When the first event of a stream left. */
  firstEventMs: number | undefined;
  /** The first that the agent named. */
  taskId: string;
}

function runCall(deps: AiGatewayDeps, call: AgentCall, said: Said): Promise<string | undefined> {
  const { agent, abort } = call;
  const given = { signal: abort.signal, isIdempotent: false };
  return deps.agentCatalog
    .policyOf(agent)
    .run(async (signal) => {
      try {
        return await relay(deps, call, said, signal);
      } catch (err) {
        throw toAgentFailure(agent, err, signal.aborted ? signal.reason : undefined);
      }
    }, given)
    .catch((err: unknown) => {
      // The time limit of the policy is its own to tell.
      throw toAgentFailure(agent, err, undefined);
    });
}

async function relay(
  { agentLink, references, clock }: AiGatewayDeps,
  { agent, version, operation, method, params, at, owner, extensions, onEvent }: AgentCall,
  said: Said,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { tenant: _, ...own } = params;
  const sent = at.tenant === undefined ? own : { ...own, tenant: at.tenant };
  const known = new Set<string>();
  let isEnd = false;

  /** Nothing leaves that names what another caller has begun. */
  async function claim(named: readonly Reference[]): Promise<void> {
    const fresh = named.filter(({ kind, id }) => !known.has(`${kind} ${id}`));
    if (fresh.length === 0) return;
    if (!(await references.claim(owner, fresh))) throw new RpcAnswerError("malformed");
    for (const { kind, id } of fresh) known.add(`${kind} ${id}`);
  }

  const results = agentLink.request(agent, {
    ...{ path: at.path, version, method, params: sent, extensions, isStreamed: isStreamed(operation), signal },
    onSent: () => {
      said.wasSent = true;
    },
  });
  try {
    for await (const result of results) {
      const event = readEvent(version, operation, result);
      await claim(event.references);
      said.hasAnswered = true;
      said.taskId ||= event.references.find(({ kind }) => kind === "task")?.id ?? "";
      if (!isStreamed(operation)) return JSON.stringify(result);
      isEnd = event.isEnd ?? isEnd;
      said.firstEventMs ??= clock.monotonicMs();
      await onEvent(JSON.stringify(result), signal);
    }
  } catch (err) {
    // What breaks off after its end has lost nothing.
    if (!isEnd || signal.aborted || isFailure(err)) throw err;
  }
  if (!isEnd) throw new RpcAnswerError(said.hasAnswered ? "unfinished" : "unanswered");
  return undefined;
}

/** Who called which agent, and how it ended; the money is written down already. */
async function record(
  { db, outbox, log }: AiGatewayDeps,
  { caller: { tenantId, userId, keyId }, agent, method, callId }: AgentCall,
  { taskId }: Said,
  outcome: "completed" | "failed" | "canceled",
  failure: string,
): Promise<void> {
  const event = {
    ...{ tenantId, ownerTenantId: agent.tenantId, agent: agent.name, method, taskId },
    ...{ callId, outcome, failure, actorId: userId || keyId, keyId },
  };
  await db
    .transaction((tx) => outbox.append(tx, agentCalled, event))
    .catch((err: unknown) => {
      log.error({ err, call_id: callId, agent: agent.name, outcome }, "a call of an agent could not be recorded");
    });
}
