import { mcpToolCalled } from "@lyss/contracts/events/ai-gateway.ts";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { CallError, CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Funds } from "../funds/funds.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import { findTarget, type PaidMethod, type Target } from "./find-target.ts";
import { toLogged } from "./log-level.ts";
import { payeeOf, toolNameOf } from "./mcp-server.ts";
import { uriOf, withOwnUris } from "./resource-uri.ts";
import { resourceNotFoundCode } from "./rpc-codes.ts";
import { toToolFailure } from "./tool-server-failure.ts";
import type { UpstreamRequest } from "./upstream-session.ts";

/** A call of a tool, a read of a resource, or a prompt that is got. */
export interface ServerCall {
  readonly caller: Caller;
  readonly callId: string;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly method: PaidMethod;
  /** As the caller has sent them. */
  readonly params: RpcParams;
  /** Aborted when the caller has left or cancelled, or with the Failure that ends the call. */
  readonly abort: AbortController;
  readonly onProgress: ((params: RpcParams) => void) | undefined;
  /** What the caller wants to hear of what the server logs meanwhile. */
  readonly log: UpstreamRequest["log"];
}

const nothing: TokenCounts = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
const oneCall = { toolCalls: 1n };
const maxRecordedLength = 500;

/**
 * One call of a tool server: what it costs is set aside before anything is sent, and charged when a result has come, whatever the result says. Gives the result as
 * JSON. Throws what `findTarget` does, billing's failures, what the server's policy refuses with, and what went wrong at the server.
 */
export async function callServer(deps: AiGatewayDeps, call: ServerCall): Promise<string> {
  const target = await findTarget(deps, call.method, call.caller, call.params);
  const { server } = target;
  const { clock } = deps;
  const policy = deps.mcpCatalog.policyOf(server);
  // Before money is set aside for a call that would be refused.
  policy.breaker()?.throwIfOpen();
  const { tenantId, keyId, userId } = call.caller;
  const startedMs = clock.monotonicMs();
  const funds = await deps.funding.fund({
    ...{ callId: call.callId, requestId: call.requestId, tenantId, keyId, userId, tags: call.tags },
    ...{ provider: payeeOf(server), model: target.unit, fixed: oneCall },
    ...{ inputTokens: 0n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1 },
  });
  let wasSent = false;
  try {
    const result = await policy.run((signal) => ask(deps, call, target, { signal, onSent: () => (wasSent = true) }), {
      signal: call.abort.signal,
      isIdempotent: false,
    });
    const text = JSON.stringify(result);
    // An answer leaves only after its charge is written down.
    await settle(funds, CallOutcome.COMPLETED, { ...nothing, otherBuckets: oneCall });
    await record(deps, call, target, { outcome: "completed", failure: "" });
    return text;
  } catch (thrown) {
    // The time limit of the policy is its own to tell.
    const err = toToolFailure(server, thrown, undefined);
    const hasLeft = call.abort.signal.aborted && !isFailure(call.abort.signal.reason);
    const outcome = hasLeft ? CallOutcome.CANCELED : CallOutcome.FAILED;
    const wasRefused = isFailure(err, toolFailures.tool_refused) || isFailure(err, toolFailures.mcp_resource_not_found);
    await settle(funds, outcome, nothing, wasSent && !wasRefused ? { ...nothing, otherBuckets: oneCall } : undefined);
    const failure = isFailure(err) ? err.type.publicCode : "";
    await record(deps, call, target, { outcome: hasLeft ? "canceled" : "failed", failure });
    throw hasLeft ? new Failure(kitFailures.canceled) : err;
  }

  function settle(
    { settle: end }: Funds,
    outcome: CallOutcome,
    tokens: TokenCounts,
    mayHaveUsed?: TokenCounts,
  ): Promise<bigint | undefined> {
    const latencyMs = clock.monotonicMs() - startedMs;
    const error = outcome === CallOutcome.FAILED ? CallError.PROVIDER_FAILED : undefined;
    return end({ outcome, tokens, mayHaveUsed, isEstimated: false, latencyMs, error });
  }
}

interface Asking {
  readonly signal: AbortSignal;
  onSent(): void;
}

async function ask(
  { mcpSessions }: AiGatewayDeps,
  { caller, onProgress, log }: ServerCall,
  { server, method, params, name, hasResources }: Target,
  { signal, onSent }: Asking,
): Promise<RpcParams> {
  try {
    const session = mcpSessions.sessionOf(server, caller);
    const result = await session.request({
      ...{ method, params, signal, onSent, ...(onProgress && { onProgress }) },
      log: log && { level: log.level, onLogged: passOn(server, log) },
    });
    return hasResources ? withOwnUris(server, result) : result;
  } catch (err) {
    const isUnknown = isFailure(err, toolFailures.tool_refused) && err.details["rpcCode"] === resourceNotFoundCode;
    if (isUnknown && method === "resources/read") {
      throw new Failure(toolFailures.mcp_resource_not_found, { uri: uriOf(server, name).slice(0, 500) });
    }
    throw toToolFailure(server, err, signal.aborted ? signal.reason : undefined);
  }
}

const maxLogged = 1_000;

function passOn(server: Target["server"], { level, onLogged }: NonNullable<ServerCall["log"]>) {
  let count = 0;
  return (said: RpcParams) => {
    const logged = toLogged(server, said, level);
    if (logged && ++count <= maxLogged) onLogged(logged);
  };
}

interface Ended {
  readonly outcome: "completed" | "failed" | "canceled";
  readonly failure: string;
}

/** Who called what, and how it ended; the money is written down already. */
async function record(
  { db, outbox, log }: AiGatewayDeps,
  { caller, callId }: ServerCall,
  { server, method, name }: Target,
  { outcome, failure }: Ended,
): Promise<void> {
  const { tenantId, userId, keyId } = caller;
  const event = {
    ...{
      tenantId,
      ownerTenantId: server.tenantId,
      server: server.name,
      method,
      tool: name.slice(0, maxRecordedLength),
    },
    ...{ callId, outcome, failure, actorId: userId || keyId, keyId },
  };
  await db
    .transaction((tx) => outbox.append(tx, mcpToolCalled, event))
    .catch((err: unknown) => {
      log.error(
        { err, call_id: callId, method, tool: toolNameOf(server, event.tool), outcome },
        "a call of a tool server could not be recorded",
      );
    });
}
