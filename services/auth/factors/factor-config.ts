import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

const origin = z
  .url({
    protocol: /^https?$/,
    error: inBothLanguages("must be http:// or https://", "必须以 http:// 或 https:// 开头"),
  })
  .max(300);

/** Settings of second factors. */
export const factorSettings = z
  .strictObject({
    appName: z.string().trim().min(1).max(60).default("Lyss").describe("What authenticator apps and passkeys show."),
    publicUrl: origin
      .default("http://localhost:8080")
      .describe("Where browsers find the platform. Passkeys belong to its domain."),
    passkeyDomain: z
      .string()
      .max(253)
      .optional()
      .describe(
        "The domain of passkeys, where it is wider than that of publicUrl: a passkey is good for one domain for ever.",
      ),
    passkeyOrigins: z
      .array(origin)
      .max(20)
      .default([])
      .describe("Further origins whose pages may ask for a passkey, below passkeyDomain."),
  })
  .superRefine((settings, context) => {
    const { rpId, origins } = toPasskeyPlace(settings);
    const strange = origins.find((text) => !isBelow(new URL(text).hostname, rpId));
    if (strange === undefined) return;
    const message = inBothLanguages(
      `must be a domain that ${strange} lies in: browsers refuse others`,
      `必须是 ${strange} 所属的域名，否则浏览器会拒绝`,
    );
    context.addIssue({ code: "custom", path: ["passkeyDomain"], message });
  })
  .prefault({});

export type FactorSettings = z.output<typeof factorSettings>;

/** The domain that passkeys are for, and where the pages that ask for them come from. */
export function toPasskeyPlace({
  publicUrl,
  passkeyDomain,
  passkeyOrigins,
}: Pick<FactorSettings, "publicUrl" | "passkeyDomain" | "passkeyOrigins">) {
  const origins = [publicUrl, ...passkeyOrigins].map((text) => new URL(text).origin);
  return { rpId: passkeyDomain ?? new URL(publicUrl).hostname, origins };
}

function isBelow(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`);
}
