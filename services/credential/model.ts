import { createHmac } from "node:crypto";
import { type Secret, secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export type CredentialId = `crd_${string}`;

/** What may be known of a secret: never the secret. */
export interface Credential {
  readonly credentialId: CredentialId;
  /** `platform` for the platform's own. */
  readonly tenantId: string;
  readonly name: string;
  readonly version: number;
  readonly fingerprint: string;
  readonly lastFour: string;
  /** As `toOrigin` writes them, sorted, each once. */
  readonly allowedOrigins: readonly string[];
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly revokedAt: Date | null;
}

/** Scheme, host and port of an http or https address without path, query and user; undefined for anything else. */
export function toOrigin(address: string): string | undefined {
  const url = URL.parse(address);
  if (!url || !["http:", "https:"].includes(url.protocol)) return undefined;
  return url.href === `${url.origin}/` ? url.origin : undefined;
}

/**
 * What may be shown of a secret: a keyed fingerprint, different in each tenant, that cannot be tried out against a list
 * of secrets; and the last four characters, of a secret long enough that they tell nothing.
 */
export function describeSecret(fingerprintKey: Buffer, tenantId: string, secret: Secret) {
  const text = secret.reveal();
  const mac = createHmac("sha256", fingerprintKey).update(JSON.stringify([tenantId, text]));
  return { fingerprint: mac.digest("hex").slice(0, 32), lastFour: text.length < 16 ? "" : text.slice(-4) };
}

/** What a sealed secret is bound to: an envelope opens only with the row it was written for. */
export function bindingOf(
  credential: Pick<Credential, "tenantId" | "credentialId" | "version" | "allowedOrigins">,
): string {
  const { tenantId, credentialId, version, allowedOrigins } = credential;
  return JSON.stringify([tenantId, credentialId, version, ...allowedOrigins]);
}

/** True when both are the same set of origins. */
export function sameOrigins(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((origin, i) => origin === b[i]);
}

const originSchema = z
  .string()
  .max(300)
  .refine(
    (address) => toOrigin(address) !== undefined,
    inBothLanguages(
      "must be scheme, host and port, such as https://api.openai.com",
      "必须是协议、主机和端口，例如 https://api.openai.com",
    ),
  )
  .transform((address) => toOrigin(address) ?? "");

/** Bounds of what callers may enter. */
export const credentialFields = {
  name: z.string().trim().min(1).max(100),
  secret: secretSchema,
  allowedOrigins: z
    .array(originSchema)
    .min(1)
    .max(16)
    .transform((origins) => [...new Set(origins)].sort()),
};
