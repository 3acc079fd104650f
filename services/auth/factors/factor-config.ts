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
    passkeyDomain: z
      .string()
      .max(253)
      .optional()
      .describe(
        "The domain of passkeys, where it is wider than that of http.publicUrl: a passkey is good for one domain for ever.",
      ),
    passkeyOrigins: z
      .array(origin)
      .max(20)
      .default([])
      .describe("Further origins whose pages may ask for a passkey, below passkeyDomain."),
  })
  .superRefine(({ passkeyDomain, passkeyOrigins }, context) => {
    const strange = passkeyOrigins.find((text) => !isBelow(new URL(text).hostname, passkeyDomain ?? ""));
    if (strange === undefined) return;
    const message = inBothLanguages(
      `must be a domain that ${strange} lies in: browsers refuse others`,
      `必须是 ${strange} 所属的域名，否则浏览器会拒绝`,
    );
    context.addIssue({ code: "custom", path: ["passkeyDomain"], message });
  })
  .prefault({});

export type FactorSettings = z.output<typeof factorSettings>;

/**
 * The domain that passkeys are for, and where the pages that ask for them come from. Browsers know no passkeys of an address by number: on one's
 * own machine they are for `localhost`. Throws a TypeError for an address outside the domain.
 */
export function toPasskeyPlace(
  publicUrl: string,
  {
    passkeyDomain,
    passkeyOrigins,
  }: Partial<Pick<FactorSettings, "passkeyDomain">> & Pick<FactorSettings, "passkeyOrigins">,
) {
  const { hostname, origin: own } = nameLoopback(new URL(publicUrl));
  const rpId = passkeyDomain ?? hostname;
  if (!isBelow(hostname, rpId)) {
    throw new TypeError(
      `auth.secondFactors.passkeyDomain is ${rpId}, in which http.publicUrl, ${publicUrl}, does not lie`,
    );
  }
  return { rpId, origins: [own, ...passkeyOrigins.map((text) => new URL(text).origin)] };
}

function nameLoopback(url: URL): URL {
  const named = new URL(url);
  if (["127.0.0.1", "0.0.0.0", "[::1]", "[::]"].includes(url.hostname)) named.hostname = "localhost";
  return named;
}

function isBelow(hostname: string, domain: string): boolean {
  return hostname === domain || hostname.endsWith(`.${domain}`);
}
