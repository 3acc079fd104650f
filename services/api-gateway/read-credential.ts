import type { IncomingMessage } from "node:http";
import { protocolsOf } from "@lyss/kit/http/upgrade.ts";

/** Longer than any key or token of ours; what exceeds it is not looked at. */
const maxCredentialLength = 8_192;
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
  const found = [
    token,
    key,
    ...readProtocolKeys(request),
    ...(request.url !== undefined && googlePaths.test(request.url) ? readGoogleKeys(request) : []),
  ];
  const [credential, ...others] = found.filter((one) => one !== undefined);
  if (credential === undefined) return undefined;
  // Two different credentials are ambiguous, and an empty or overlong one is nobody's: both are refused further on.
  const isAmbiguous = others.some((other) => other !== credential);
  if (isAmbiguous || typeof credential !== "string" || credential.length > maxCredentialLength) return "";
  return credential;
}

function readProtocolKeys(request: Parameters<typeof readCredential>[0]) {
  if (request.headers.upgrade?.toLowerCase() !== "websocket") return [];
  return protocolsOf(request)
    .filter((one) => keyProtocol.test(one))
    .map((one) => one.replace(keyProtocol, ""));
}

function readGoogleKeys({ headers, url = "" }: Parameters<typeof readCredential>[0]) {
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  return [headers["x-goog-api-key"], ...(url.includes("?") ? query.getAll("key") : [])];
}
