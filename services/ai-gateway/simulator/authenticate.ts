import { hash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { regionOf } from "../providers/bedrock/credentials.ts";
import { signRequest } from "../providers/bedrock/sign-request.ts";
import type { Vendor } from "./vendors.ts";
import { WireError } from "./wire-error.ts";

/** How far a signature's time may be from ours, as AWS has it. */
const maxSkewMs = 300_000;

/** Throws a WireError 401 unless the key stands where its vendor looks for it, and a 400 where the vendor wants more of the head. */
export function authenticate(apiKey: string, vendor: Vendor, headers: IncomingHttpHeaders): void {
  const sent = vendor.keyOf(headers);
  if (sent === undefined) {
    throw new WireError(
      401,
      "You didn't provide an API key where this API looks for one, such as 'Authorization: Bearer YOUR_KEY'.",
    );
  }
  if (!isSame(sent, apiKey)) throw new WireError(401, "Incorrect API key provided.", { code: "invalid_api_key" });
  vendor.check?.(headers);
}

export function isSigned({ authorization }: IncomingHttpHeaders): boolean {
  return authorization?.startsWith("AWS4-HMAC-SHA256 ") ?? false;
}

/** What of a signed head `signRequest` adds by itself. */
const signedAnyway: readonly string[] = ["host", "x-amz-date", "x-amz-security-token"];

/**
 * Throws a WireError 403 unless the request was signed just now, over these bytes and the headers that it says, with the key as the
 * secret one.
 */
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
  const [, names = ""] = /SignedHeaders=([^, ]+)/.exec(authorization) ?? [];
  const more = names.split(";").filter((name) => name !== "" && !signedAnyway.includes(name));
  const expected = signRequest(
    { method, authority, path: url, body, nowMs },
    { accessKeyId, secretAccessKey: apiKey, ...(typeof token === "string" && { sessionToken: token }) },
    { region: regionOf(authority), service: "bedrock" },
    Object.fromEntries(more.map((name) => [name, String(headers[name] ?? "")])),
  );
  if (isSame(expected["authorization"] ?? "", authorization)) return;
  throw new WireError(403, "The request signature we calculated does not match the signature you provided.");
}

function isSame(a: string, b: string): boolean {
  const digest = (text: string) => hash("sha256", text, "buffer");
  return timingSafeEqual(digest(a), digest(b));
}
