import type { IncomingMessage } from "node:http";
import { protocolsOf } from "@lyss/kit/http/upgrade.ts";

/** Longer than any key or token of ours; what exceeds it is not looked at. */
const maxCredentialLength = 8_192;
const none: readonly string[] = [];
const bearer = /^bearer +([\x21-\x7e]+) *$/i;

/** Where Google's SDKs go; nowhere else is a key looked for where only they put it. */
export const googlePaths = /^\/v1(beta)?\/(models|batches)(?=[/?]|$)/;

/**
 * The WebSocket subprotocol in which a browser, which sets no headers there, says its key. It is never the one that is answered
 * (developers.openai.com, Realtime API with WebSocket).
 */
export const keyProtocol = /^openai-insecure-api-key\./;

/** The API key or access token that a request carries, where each vendor's SDK puts it; undefined when there is none. */
export function readCredential(request: Pick<IncomingMessage, "headers"> & { readonly url?: string | undefined }) {
  const { authorization, "x-api-key": key } = request.headers;
  const token = authorization === undefined ? undefined : (bearer.exec(authorization)?.[1] ?? "");
  const protocolKeys = readProtocolKeys(request);
  const googleKeys = readGoogleKeys(request);
  // Nearly everybody says it once.
  if (protocolKeys === none && googleKeys === none && (token === undefined || key === undefined))
    return check(token ?? key);
  const [credential, ...others] = [token, key, ...protocolKeys, ...googleKeys].filter((one) => one !== undefined);
  // Two different credentials are ambiguous, and refused further on.
  return others.some((other) => other !== credential) ? "" : check(credential);
}

/** An empty or overlong one is nobody's: it is refused further on. */
function check(credential: string | readonly string[] | undefined): string | undefined {
  if (credential === undefined) return undefined;
  return typeof credential === "string" && credential.length <= maxCredentialLength ? credential : "";
}

function readProtocolKeys(request: Parameters<typeof readCredential>[0]) {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") return none;
  return protocolsOf(request)
    .filter((one) => keyProtocol.test(one))
    .map((one) => one.replace(keyProtocol, ""));
}

function readGoogleKeys({ headers, url }: Parameters<typeof readCredential>[0]) {
  if (url === undefined || !googlePaths.test(url)) return none;
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  return [headers["x-goog-api-key"], ...(url.includes("?") ? query.getAll("key") : [])];
}
