import type { RemoveServiceClientResponse } from "../../api/gen/client.ts";

/** A program that gets short tokens of its own. */
export type ServiceClient = RemoveServiceClientResponse;

export type Status = "active" | "disabled" | "expired";

export function statusOf({ disabled_at, expires_at }: ServiceClient): Status {
  if (disabled_at !== null) return "disabled";
  return expires_at !== null && Date.parse(expires_at) <= Date.now() ? "expired" : "active";
}

/** Whether it signs assertions, and has no secret. */
export function hasKeys({ jwks, jwks_uri }: ServiceClient): boolean {
  return jwks !== null || jwks_uri !== null;
}
