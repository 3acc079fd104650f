import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { baseUrlSchema } from "../base-url.ts";

export const tokenAuthMethods = ["client_secret_basic", "client_secret_post"] as const;
export type TokenAuthMethod = (typeof tokenAuthMethods)[number];

/** How Lyss gets tokens for a tool server: by client credentials (RFC 6749, 4.4). */
export interface ServerOauth {
  readonly clientId: string;
  /** Of the client's secret, which is bound to the token endpoint's origin. */
  readonly credentialId: string;
  /** Its token endpoint. */
  readonly tokenUrl: string;
  /** By spaces; empty to ask for none. */
  readonly scope: string;
  /** What the token is for (RFC 8707). */
  readonly resource: string;
  /** How the secret is shown there. */
  readonly tokenAuthMethod: TokenAuthMethod;
}

const visible = (maxLength: number) =>
  z
    .string()
    .regex(
      new RegExp(`^[\\x20-\\x7e]{1,${maxLength}}$`),
      inBothLanguages(
        `must be visible ASCII, 1 to ${maxLength} characters`,
        `必须是 1 到 ${maxLength} 个可见 ASCII 字符`,
      ),
    );

/** What is said of it wherever a server is named. */
export const serverOauthFields = {
  clientId: visible(500).describe("What the authorization server knows Lyss by."),
  tokenUrl: baseUrlSchema.describe("The token endpoint."),
  scope: z
    .string()
    .regex(
      /^([\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*)?$/,
      inBothLanguages("must be scopes with single spaces between them", "必须是以单个空格分隔的作用域"),
    )
    .max(1_000)
    .default("")
    .describe("Scopes to ask for, by spaces."),
  resource: baseUrlSchema.describe("What tokens are for (RFC 8707); the server's own address unless given."),
  tokenAuthMethod: z.enum(tokenAuthMethods).describe("How the secret is shown at the token endpoint."),
};

/** Of a client's secret. */
export const clientSecretSchema = visible(4_096);
