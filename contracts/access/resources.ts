/**
 * What programs get access tokens for that are good there and nowhere else (RFC 8707): the path below the platform's address by which
 * it is named, and what a token for it may permit.
 */
export const toolResource = { path: "/v1/mcp", scope: "tool:call" } as const;

/** Its name in `resource` and `aud`. */
export function toolResourceUri(publicUrl: string): string {
  return publicUrl + toolResource.path;
}
