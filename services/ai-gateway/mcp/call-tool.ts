import { mcpToolCalled } from "@lyss/contracts/events/ai-gateway.ts";
import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Funds } from "../funds/funds.ts";
import type { RpcParams } from "./json-rpc.ts";
import { type McpServer, mayCall, payeeOf, splitToolName, toolNameOf } from "./mcp-server.ts";
import { toToolFailure } from "./tool-server-failure.ts";

export interface ToolCall {
  readonly caller: Caller;
  readonly callId: string;
  readonly requestId: string;
  readonly tags: TagsText;
  /** As callers name it. */
  readonly name: string;
  readonly arguments: RpcParams;
  /** Aborted when the caller has left or cancelled, or with the Failure that ends the call. */
  readonly abort: AbortController;
  readonly onProgress: ((params: RpcParams) => void) | undefined;
}

const nothing: TokenCounts = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
const oneCall = { toolCalls: 1n };

/**
 * One call of a tool: what it costs is set aside before anything is sent, and charged when a result has come, whatever the result says. Gives the result as
 * JSON. Throws `tool_not_found`, billing's failures, what the server's policy refuses with, and what went wrong at the server.
 */
export async function callTool(deps: AiGatewayDeps, call: ToolCall): Promise<string> {
  const { server, tool } = await findTool(deps, call.caller, call.name);
  const { clock } = deps;
  const policy = deps.mcpCatalog.policyOf(server);
  // Before money is set aside for a call that would be refused.
  policy.breaker()?.throwIfOpen();
  const { tenantId, keyId, userId } = call.caller;
  const startedMs = clock.monotonicMs();
  const funds = await deps.funding.fund({
    ...{ callId: call.callId, requestId: call.requestId, tenantId, keyId, userId, tags: call.tags },
    ...{ provider: payeeOf(server), model: tool, fixed: oneCall },
    ...{ inputTokens: 0n, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 1 },
  });
  let wasSent = false;
  try {
    const result = await policy.run(
      (signal) => ask(deps, call, { server, tool, signal, onSent: () => (wasSent = true) }),
      {
        signal: call.abort.signal,
        isIdempotent: false,
      },
    );
    const text = JSON.stringify(result);
    // An answer leaves only after its charge is written down.
    await settle(funds, CallOutcome.COMPLETED, { ...nothing, otherBuckets: oneCall });
    await record(deps, call, { server, tool, outcome: "completed", failure: "" });
    return text;
  } catch (thrown) {
    // The time limit of the policy is its own to tell.
    const err = toToolFailure(server, thrown, undefined);
    const hasLeft = call.abort.signal.aborted && !isFailure(call.abort.signal.reason);
    const outcome = hasLeft ? CallOutcome.CANCELED : CallOutcome.FAILED;
    const wasRefused = isFailure(err, toolFailures.tool_refused);
    await settle(funds, outcome, nothing, wasSent && !wasRefused ? { ...nothing, otherBuckets: oneCall } : undefined);
    const failure = isFailure(err) ? err.type.publicCode : "";
    await record(deps, call, { server, tool, outcome: hasLeft ? "canceled" : "failed", failure });
    throw hasLeft ? new Failure(kitFailures.canceled) : err;
  }

  function settle(
    { settle: end }: Funds,
    outcome: CallOutcome,
    tokens: TokenCounts,
    mayHaveUsed?: TokenCounts,
  ): Promise<bigint | undefined> {
    const latencyMs = clock.monotonicMs() - startedMs;
    return end({ outcome, tokens, mayHaveUsed, isEstimated: false, latencyMs });
  }
}

/** Throws `tool_not_found`, also for one that the key may not call, and what was wrong when the server was asked for its tools. */
async function findTool({ mcpCatalog, toolBook }: AiGatewayDeps, { tenantId, models }: Caller, name: string) {
  const notFound = () => new Failure(toolFailures.tool_not_found, { tool: name.slice(0, 200) });
  const parts = splitToolName(name);
  const server = parts && mayCall(models, name) ? mcpCatalog.find(tenantId, parts.server) : undefined;
  if (!parts || !server) throw notFound();
  const { tools } = await toolBook.listOf(server);
  if (!tools.some((tool) => tool.name === parts.tool)) throw notFound();
  return { server, tool: parts.tool };
}

interface Asked {
  readonly server: McpServer;
  readonly tool: string;
  readonly signal: AbortSignal;
  onSent(): void;
}

async function ask(
  { mcpSessions }: AiGatewayDeps,
  call: ToolCall,
  { server, tool, signal, onSent }: Asked,
): Promise<RpcParams> {
  const { onProgress } = call;
  try {
    return await mcpSessions.sessionOf(server, call.caller).request({
      ...{ method: "tools/call", params: { name: tool, arguments: call.arguments }, signal, onSent },
      ...(onProgress && { onProgress }),
    });
  } catch (err) {
    throw toToolFailure(server, err, signal.aborted ? signal.reason : undefined);
  }
}

interface Ended {
  readonly server: McpServer;
  readonly tool: string;
  readonly outcome: "completed" | "failed" | "canceled";
  readonly failure: string;
}

/** Who called what, and how it ended; the money is written down already. */
async function record({ db, outbox, log }: AiGatewayDeps, { caller, callId }: ToolCall, ended: Ended): Promise<void> {
  const { server, tool, outcome, failure } = ended;
  const { tenantId, userId, keyId } = caller;
  const event = {
    ...{ tenantId, ownerTenantId: server.tenantId, server: server.name, tool, callId, outcome, failure },
    ...{ actorId: userId || keyId, keyId },
  };
  await db
    .transaction((tx) => outbox.append(tx, mcpToolCalled, event))
    .catch((err: unknown) => {
      log.error(
        { err, call_id: callId, tool: toolNameOf(server, tool), outcome },
        "a call of a tool could not be recorded",
      );
    });
}
