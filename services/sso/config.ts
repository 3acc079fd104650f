import { z } from "zod";

/** Section `sso` of the configuration. */
export const ssoConfig = {
  sso: z
    .strictObject({
      allowPrivateProviders: z
        .boolean()
        .default(false)
        .describe(
          "Whether identity providers may have private addresses and speak plain HTTP. For tests and closed networks.",
        ),
      clientRegistration: z
        .enum(["off", "open"])
        .default("off")
        .describe(
          "Whether programs may register themselves to sign people in and call tools in their names (RFC 7591), as clients of MCP do; `open` for whoever asks. People of every tenant can let them in.",
        ),
      maxRegisteredClients: z
        .int()
        .min(1)
        .max(100_000)
        .default(1_000)
        .describe("How many that have registered themselves are kept at once."),
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

/** The section, and where people reach the installation. */
export interface SsoSettings extends z.output<typeof ssoConfig.sso> {
  readonly publicUrl: string;
}
