import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { toServerFailure } from "../servers/to-server-failure.ts";
import type { McpServer } from "./mcp-server.ts";

/** What an error of a call means to its caller. `reason` is what ended the call, undefined where nobody did. */
export function toToolFailure(server: Pick<McpServer, "name" | "timeoutMs">, err: unknown, reason: unknown): unknown {
  const { name } = server;
  return toServerFailure(server, err, reason, {
    timeout: (timeoutMs, cause) =>
      new Failure(toolFailures.tool_server_timeout, { server: name, timeoutMs }, { cause }),
    failed: (_, told, cause) => new Failure(toolFailures.tool_server_failed, { server: name, ...told }, { cause }),
  });
}
