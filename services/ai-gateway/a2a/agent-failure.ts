import { agentFailures } from "@lyss/contracts/failures/ai-gateway-agents.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { toServerFailure } from "../servers/to-server-failure.ts";
import type { Agent } from "./agent.ts";

/** What an error of a call means to its caller. `reason` is what ended the call, undefined where nobody did. */
export function toAgentFailure(given: Pick<Agent, "name" | "timeoutMs">, err: unknown, reason: unknown): unknown {
  const { name: agent } = given;
  return toServerFailure(given, err, reason, {
    timeout: (timeoutMs, cause) => new Failure(agentFailures.agent_timeout, { agent, timeoutMs }, { cause }),
    failed: (fault, told, cause) => new Failure(agentFailures.agent_failed, { agent, fault, ...told }, { cause }),
  });
}
