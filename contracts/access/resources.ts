/**
 * What programs get access tokens for that are good there and nowhere else (RFC 8707): the path below the platform's address by which
 * it is named, and what a token for it may permit.
 */
export const toolResource = { path: "/v1/mcp", scope: "tool:call" } as const;

/** Its name in `resource` and `aud`. */
export function toolResourceUri(publicUrl: string): string {
  return publicUrl + toolResource.path;
}

/** Where ephemeral keys are good, which a browser holds: nowhere else, and with no other permission. */
export const ephemeralKeyResource = {
  paths: ["/v1/realtime", "/api/v1/ai/realtime"],
  permissions: ["model:call"],
} as const;
