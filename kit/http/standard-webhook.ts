import { createHmac } from "node:crypto";

/** The key that a secret such as `whsec_MfKQ…` stands for (standardwebhooks.com: 24 to 64 bytes in base64); undefined for what is none. */
export function readWebhookSecret(secret: string): Buffer | undefined {
  const [, base64 = ""] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = Buffer.from(base64, "base64");
  const isWhole = key.toString("base64").replace(/=+$/, "") === base64.replace(/=+$/, "");
  return isWhole && key.length >= 24 && key.length <= 64 ? key : undefined;
}

/** The secret that stands for a key. */
export function toWebhookSecret(key: Buffer): string {
  return `whsec_${key.toString("base64")}`;
}

/**
 * The headers of a message (Standard Webhooks 1.0): its id, the time in Unix seconds, and for each key the HMAC-SHA-256 of
 * `<id>.<seconds>.<body>` in base64: whoever knows any of the keys takes it.
 */
export function toWebhookHeaders(
  id: string,
  nowMs: number,
  body: Buffer,
  keys: readonly Buffer[],
): Record<string, string> {
  const seconds = String(Math.floor(nowMs / 1_000));
  const headers = { "webhook-id": id, "webhook-timestamp": seconds };
  if (keys.length === 0) return headers;
  const sign = (key: Buffer) => createHmac("sha256", key).update(`${id}.${seconds}.`).update(body).digest("base64");
  return { ...headers, "webhook-signature": keys.map((key) => `v1,${sign(key)}`).join(" ") };
}
