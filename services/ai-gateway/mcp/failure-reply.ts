import { toolResource } from "@lyss/contracts/access/resources.ts";
import type { ToFailureReply } from "@lyss/kit/http/route.ts";
import { toErrorText } from "../servers/json-rpc.ts";
import { toolCodeOf } from "./rpc-codes.ts";

/** What went wrong before a message was read: its status for HTTP, and an error of JSON-RPC for who reads that. */
export const toMcpFailureReply: ToFailureReply = (failure, { requestId, locale, publicUrl }) => {
  const { httpStatus } = failure.type;
  const lacksScope = httpStatus === 403 && failure.details["permission"] === toolResource.scope;
  const headers: Record<string, string> = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
  };
  if (failure.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(failure.retryAfterMs / 1_000));
  if (httpStatus === 401 || lacksScope) headers["www-authenticate"] = challengeOf(lacksScope, publicUrl);
  return { status: httpStatus, headers, body: toErrorText(null, failure, locale, toolCodeOf) };
};

/** Where it is said of a resource who signs people in for it (RFC 9728, 3). */
export const metadataPath = "/.well-known/oauth-protected-resource";

/** Where a client finds out who signs people in here (RFC 9728, 5.1), and what it lacks (RFC 6750, 3.1). */
function challengeOf(lacksScope: boolean, publicUrl: string | undefined): string {
  const { path, scope } = toolResource;
  const facts = [
    ...(lacksScope ? ['error="insufficient_scope"'] : []),
    `scope="${scope}"`,
    ...(publicUrl === undefined ? [] : [`resource_metadata="${publicUrl}${metadataPath}${path}"`]),
  ];
  return `Bearer ${facts.join(", ")}`;
}
