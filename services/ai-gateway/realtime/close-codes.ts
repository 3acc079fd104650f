import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import type { Failure } from "@lyss/kit/errors/failure.ts";

// RFC 6455, 7.4, and the IANA registry of close codes. 1005, 1006 and 1015 say what was not received, and are never sent.

/** Why this side ends a session. */
export const closeCodes = {
  /** The other end is gone, or a session has lasted, or been silent, long enough. */
  goingAway: 1001,
  /** There is no money, or no right, to go on. */
  refused: 1008,
  /** Something is broken that the client cannot mend. */
  broken: 1011,
  restarting: 1012,
  tryLater: 1013,
} as const;

const expired = new Set<string>([
  connectionFailures.session_expired.code,
  connectionFailures.session_idle.code,
  connectionFailures.connection_expired.code,
]);

const nothingSaid = 1005;
const lost = 1006;
const normal = 1000;

/** The code with which a client ended, as the provider is to hear it: one that vanished has gone away. */
export function toUpstreamCode(code: number): number {
  if (code === nothingSaid) return normal;
  return isSendable(code) ? code : closeCodes.goingAway;
}

/** The code with which a provider ended, as the client is to hear it; undefined when the connection was lost. */
export function toClientCode(code: number): number | undefined {
  if (code === nothingSaid) return normal;
  return code === lost || !isSendable(code) ? undefined : code;
}

function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1014 && code !== 1004 && code !== nothingSaid && code !== lost) || code >= 3000;
}

/** How a connection ends that may not go on. */
export function codeFor({ type }: Failure): number {
  if (expired.has(type.code)) return closeCodes.goingAway;
  if (type.code === aiGatewayFailures.shutting_down.code) return closeCodes.restarting;
  if (type.code === aiGatewayFailures.upstream_truncated.code) return closeCodes.broken;
  if (type.httpStatus < 500) return closeCodes.refused;
  return type.isRetryable ? closeCodes.tryLater : closeCodes.broken;
}
