import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** Section `sso` of the configuration. */
export const ssoConfig = {
  sso: z
    .strictObject({
      publicUrl: z
        .url()
        .max(500)
        .refine(
          (url) => /^https?:\/\/[^/?#]+$/.test(url),
          inBothLanguages(
            "must be scheme, host and port alone, such as https://lyss.example.com",
            "只能包含协议、主机和端口，例如 https://lyss.example.com",
          ),
        )
        .default("http://127.0.0.1:8080")
        .describe("Where browsers and identity providers reach this installation: what comes back comes there."),
      allowPrivateProviders: z
        .boolean()
        .default(false)
        .describe(
          "Whether identity providers may have private addresses and speak plain HTTP. For tests and closed networks.",
        ),
      providerTimeoutMs: z
        .int()
        .min(500)
        .max(60_000)
        .default(10_000)
        .describe("How long an identity provider may take for one answer."),
      signInTtlMs: z
        .int()
        .min(60_000)
        .max(3_600_000)
        .default(600_000)
        .describe("How long a person may take at the identity provider."),
    })
    .prefault({}),
};

export type SsoSettings = z.output<typeof ssoConfig.sso>;
