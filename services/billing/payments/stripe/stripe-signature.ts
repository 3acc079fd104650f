import { createHmac, timingSafeEqual } from "node:crypto";

export interface SignedNotification {
  /** The header `Stripe-Signature`: `t=<seconds>,v1=<hex>`, with a `v1` for each secret while one replaces another. */
  readonly signature: string;
  /** Exactly the bytes that came: parsing and writing JSON again would break what was signed. */
  readonly body: Buffer;
}

/** Older than this, or this far ahead, it may be one that somebody recorded. */
const toleranceSeconds = 300;
const maxHeaderCharacters = 4_096;
const hexDigest = /^[0-9a-f]{64}$/;

/**
 * Whether a notification was signed with `secret` within the last five minutes: HMAC-SHA256 of `<t>.<body>`, compared in
 * constant time (docs.stripe.com/webhooks, "Verify webhook signatures manually"). An empty secret proves nothing: false.
 */
export function isSigned({ signature, body }: SignedNotification, secret: string, nowMs: number): boolean {
  if (secret === "" || signature.length > maxHeaderCharacters) return false;
  const { timestamp, digests } = parse(signature);
  if (timestamp === undefined || Math.abs(nowMs / 1_000 - Number(timestamp)) > toleranceSeconds) return false;
  const wanted = createHmac("sha256", secret).update(`${timestamp}.`).update(body).digest();
  // Each is looked at, so that the time tells nothing of which one fits.
  return digests.reduce((found, digest) => timingSafeEqual(Buffer.from(digest, "hex"), wanted) || found, false);
}

function parse(header: string): { readonly timestamp: string | undefined; readonly digests: readonly string[] } {
  const pairs = header.split(",").map((part) => part.trim().split("=", 2));
  const valuesOf = (name: string) => pairs.flatMap(([key, value = ""]) => (key === name ? [value] : []));
  const [timestamp, ...more] = valuesOf("t").filter((value) => /^\d{1,12}$/.test(value));
  const digests = valuesOf("v1").filter((value) => hexDigest.test(value));
  return { timestamp: more.length === 0 ? timestamp : undefined, digests };
}
