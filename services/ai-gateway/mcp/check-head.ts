import type { IncomingMessage } from "node:http";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { isProtocolVersion, protocolVersions, versionHeader } from "./protocol.ts";

/** Throws `origin_refused` and `invalid_request`. */
export function checkHead(
  { allowedOrigins }: Pick<AiGatewayDeps, "allowedOrigins">,
  { headers }: IncomingMessage,
): void {
  const { origin } = headers;
  // A page of somebody else's must not reach us by a name that it has turned to our address (MCP, "Security Warning").
  if (origin !== undefined && !allowedOrigins().has(origin)) {
    throw new Failure(kitFailures.permission_denied, { permission: `Origin ${origin.slice(0, 200)}` });
  }
  const version = headers[versionHeader];
  if (version !== undefined && !isProtocolVersion(version)) {
    const known = protocolVersions.join(", ");
    throw refuseField(versionHeader, `must be one of ${known}`, `必须是以下之一：${known}`);
  }
}
