import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { regionOf } from "../providers/bedrock/credentials.ts";
import { signRequest } from "../providers/bedrock/sign-request.ts";
import { WireError } from "./wire-error.ts";

/** How far a signature's time may be from ours, as AWS has it. */
const maxSkewMs = 300_000;

/** Throws a WireError 401 unless the key stands where a vendor of OpenAI's dialect, or Azure, looks for it. */
export function authenticate(apiKey: string, headers: IncomingHttpHeaders): void {
  const [, bearer] = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "") ?? [];
  const sent = bearer ?? headers["api-key"];
  if (typeof sent !== "string") {
    throw new WireError(401, "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.");
  }
  if (isSame(sent, apiKey)) return;
  throw new WireError(401, "Incorrect API key provided.", { code: "invalid_api_key" });
}

export function isSigned({ authorization }: IncomingHttpHeaders): boolean {
  return authorization?.startsWith("AWS4-HMAC-SHA256 ") ?? false;
}

/** Throws a WireError 403 unless the request was signed just now, over these bytes, with the key as the secret one. */
export function authenticateSigned(
  { apiKey, clock }: { readonly apiKey: string; readonly clock: Clock },
  { headers, method = "", url = "" }: IncomingMessage,
  body: Buffer,
): void {
  const authorization = headers.authorization ?? "";
  const [, accessKeyId = ""] = /Credential=([^/, ]+)\//.exec(authorization) ?? [];
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers["x-amz-date"])) ?? [];
  const nowMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (!(Math.abs(nowMs - clock.nowMs()) <= maxSkewMs)) throw new WireError(403, "Signature expired.");
  const authority = headers.host ?? "";
  const token = headers["x-amz-security-token"];
  const expected = signRequest(
    { method, authority, path: url, body, nowMs },
    { accessKeyId, secretAccessKey: apiKey, ...(typeof token === "string" && { sessionToken: token }) },
    { region: regionOf(authority), service: "bedrock" },
  );
  if (isSame(expected["authorization"] ?? "", authorization)) return;
  throw new WireError(403, "The request signature we calculated does not match the signature you provided.");
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(a), digest(b));
}
