import { createHash, createHmac } from "node:crypto";
import type { SentRequest } from "../wire.ts";

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** For temporary ones. */
  readonly sessionToken?: string | undefined;
}

export interface SigningScope {
  readonly region: string;
  readonly service: string;
}

const algorithm = "AWS4-HMAC-SHA256";

/**
 * The headers that sign a request over the exact bytes that are sent: AWS's Signature Version 4
 * (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). Every header given is signed. The path is encoded once
 * more than it is sent, but for S3, which has it as it is sent; it is not normalised, since paths are ours.
 */
export function signRequest(
  { method, authority, path, body, nowMs }: SentRequest,
  credentials: AwsCredentials,
  { region, service }: SigningScope,
  more: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const time = new Date(nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const date = time.slice(0, 8);
  const headers: Record<string, string> = {
    ...more,
    "x-amz-date": time,
    ...(sessionToken !== undefined && { "x-amz-security-token": sessionToken }),
  };
  const named = Object.entries({ ...headers, host: authority })
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const signed = named.map(([name]) => name).join(";");
  const [pathname = "/", query = ""] = path.split("?", 2);
  const canonical = [
    ...[method, service === "s3" ? pathname : encodeSegments(pathname), sortQuery(query)],
    ...[named.map(([name, value]) => `${name}:${value}\n`).join(""), signed, sha256(body)],
  ].join("\n");
  const scope = `${date}/${region}/${service}/aws4_request`;
  const toSign = [algorithm, time, scope, sha256(canonical)].join("\n");
  const key = [date, region, service, "aws4_request"].reduce<Buffer | string>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, toSign).toString("hex");
  return {
    ...headers,
    authorization: `${algorithm} Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`,
  };
}

function sha256(content: Buffer | string): string {
  return createHash("sha256").update(content).digest("hex");
}

function hmac(key: Buffer | string, content: string): Buffer {
  return createHmac("sha256", key).update(content).digest();
}

/** RFC 3986: all but letters, digits and `-._~`. */
export function encodeSegment(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function encodeSegments(pathname: string): string {
  return pathname.split("/").map(encodeSegment).join("/");
}

/** Names and values are encoded already, as they are sent. */
function sortQuery(query: string): string {
  if (query === "") return "";
  const pairs = query.split("&").map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  return pairs.sort((a, b) => (a < b ? -1 : 1)).join("&");
}
