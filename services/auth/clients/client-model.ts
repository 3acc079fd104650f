import { z } from "zod";
import { keyFields } from "../model.ts";
import { type ClientKeys, maxClientKeys } from "./client-jwks.ts";

export type ClientId = `svc_${string}`;

/** A program of a tenant that gets access tokens of its own, without its secret. */
export interface ServiceClient extends ClientKeys {
  readonly clientId: ClientId;
  readonly tenantId: string;
  readonly name: string;
  readonly description: string;
  /** Enough of the current secret to tell secrets apart; empty for one that signs. */
  readonly prefix: string;
  readonly permissions: readonly string[];
  /** Empty for all. */
  readonly models: readonly string[];
  /** Addresses and networks; empty for all. */
  readonly allowedIps: readonly string[];
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly updatedAt: Date;
  /** Who gave it its permissions: it holds them as far as that person does. */
  readonly grantedBy: string;
  readonly expiresAt: Date | null;
  readonly disabledAt: Date | null;
  /** When it last got a token. */
  readonly lastUsedAt: Date | null;
}

export const clientSecretPrefix = "lys_";

/** Held by those who make, change and remove the service clients of their tenant. */
export const manageClientsPermission = "client:manage";

/** Whether it signs assertions, and has no secret. */
export function hasKeys({ jwks, jwksUri }: ClientKeys): boolean {
  return jwks !== null || jwksUri !== null;
}

/** Whether a caller's id is that of a service client. */
export function isClientId(id: string): id is ClientId {
  return id.startsWith("svc_");
}

/** Tokens of one client that are good at a time; the oldest ends for a new one. */
export const maxTokensPerClient = 1_000;
export const maxClientsPerTenant = 1_000;

export const clientStatuses = ["active", "disabled", "expired"] as const;
export type ClientStatus = (typeof clientStatuses)[number];

/** Whether a client may get and use tokens at that time. Disabled counts before expired. */
export function clientStatus(
  { disabledAt, expiresAt }: Pick<ServiceClient, "disabledAt" | "expiresAt">,
  nowMs: number,
): ClientStatus {
  if (disabledAt) return "disabled";
  return expiresAt && expiresAt.getTime() <= nowMs ? "expired" : "active";
}

/** Bounds of what callers may enter. */
export const clientFields = {
  name: keyFields.name,
  description: keyFields.description,
  permissions: keyFields.permissions.min(1),
  models: keyFields.models,
  allowedIps: keyFields.allowedIps,
  graceSeconds: keyFields.graceSeconds,
  shownId: z.string().min(1).max(100),
  shownSecret: z.string().min(1).max(200),
  shownAssertion: z.string().max(8_192),
  jwks: z
    .strictObject({
      keys: z
        .array(z.record(z.string().max(64), z.unknown()))
        .min(1)
        .max(maxClientKeys),
    })
    .describe("Public keys by which it signs its assertions (RFC 7517)."),
  jwksUri: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .describe("Where such keys are found."),
  scope: z.string().max(4_096),
};
