import type { IncomingMessage } from "node:http";

/** Longer than any key or token of ours; what exceeds it is not looked at. */
const maxCredentialLength = 8_192;
const bearer = /^bearer +([\x21-\x7e]+) *$/i;

/** The API key or access token that a request carries, where each vendor's SDK puts it; undefined when there is none. */
export function readCredential({ headers }: Pick<IncomingMessage, "headers">): string | undefined {
  const { authorization } = headers;
  const key = headers["x-api-key"];
  const credential = authorization === undefined ? key : (bearer.exec(authorization)?.[1] ?? "");
  if (credential === undefined) return undefined;
  // Two different credentials are ambiguous, and an empty or overlong one is nobody's: both are refused further on.
  const isAmbiguous = authorization !== undefined && key !== undefined && key !== credential;
  if (isAmbiguous || typeof credential !== "string" || credential.length > maxCredentialLength) return "";
  return credential;
}
