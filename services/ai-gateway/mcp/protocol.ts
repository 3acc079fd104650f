/** Versions of the Model Context Protocol that are spoken here, the newest first. They differ in nothing that passes through. */
export const protocolVersions = ["2025-11-25", "2025-06-18", "2025-03-26"] as const;
export const latestVersion = protocolVersions[0];

export const sessionHeader = "mcp-session-id";
export const versionHeader = "mcp-protocol-version";

export function isProtocolVersion(version: unknown): version is (typeof protocolVersions)[number] {
  return protocolVersions.some((known) => known === version);
}
