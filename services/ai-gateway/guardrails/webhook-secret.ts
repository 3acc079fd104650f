/** The key that a secret such as `whsec_MfKQ…` stands for (standardwebhooks.com: 24 to 64 bytes in base64); undefined for what is none. */
export function readWebhookSecret(secret: string): Buffer | undefined {
  const [, base64 = ""] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? [];
  const key = Buffer.from(base64, "base64");
  const isWhole = key.toString("base64").replace(/=+$/, "") === base64.replace(/=+$/, "");
  return isWhole && key.length >= 24 && key.length <= 64 ? key : undefined;
}
