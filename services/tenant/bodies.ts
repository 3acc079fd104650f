import { z } from "zod";
import { type DataPolicy, proofOf, type Tenant, type TenantDomain, tenantFields } from "./model.ts";

const time = z.iso.datetime();

/** How people of the tenant sign in, as bodies show it. */
const settings = z.strictObject({
  require_mfa: z.boolean().describe("Whether everybody needs a second factor."),
  sign_in_methods: z.array(z.enum(["password", "passkey", "sso"])).describe("By which means; empty for all."),
  session_idle_minutes: z.int().describe("A session ends after this long without use; 0 for the platform's limit."),
  session_lifetime_hours: z.int().describe("A session ends this long after sign-in; 0 for the platform's limit."),
  silent_impersonation: z
    .boolean()
    .describe("Whether people are not told by mail when an operator acts in their name."),
  default_role: tenantFields.defaultRole.describe(
    "What people become who register with an address of the tenant's, or sign on by a connection without a role of its own.",
  ),
});

export const newSettings = z.strictObject({
  require_mfa: tenantFields.requireMfa.optional(),
  sign_in_methods: tenantFields.signInMethods.optional(),
  session_idle_minutes: tenantFields.sessionIdleMinutes.optional().describe("5 to 43,200; 0 for the platform's limit."),
  session_lifetime_hours: tenantFields.sessionLifetimeHours
    .optional()
    .describe("1 to 2,160; 0 for the platform's limit."),
  silent_impersonation: z.boolean().optional(),
  default_role: tenantFields.defaultRole.optional(),
});

export const tenantBody = z.strictObject({
  object: z.literal("tenant"),
  id: z.string(),
  name: z.string(),
  slug: z.string(),
  plan: z.string(),
  status: z.enum(["provisioning", "active", "suspended"]),
  suspended_reason: z.string().nullable(),
  settings,
  version: z.int().describe("1, and one more for each change; the ETag."),
  created_at: time,
  updated_at: time,
});

export const domainBody = z.strictObject({
  object: z.literal("tenant.domain"),
  domain: z.string(),
  verified: z.boolean(),
  txt_name: z.string().describe("Where in DNS a TXT record has to stand to show that the domain is the tenant's."),
  txt_value: z.string().describe("What the record has to hold."),
  added_by: z.string(),
  added_at: time,
  verified_at: time.nullable(),
});

export const policyBody = z.strictObject({
  object: z.literal("tenant.data_policy"),
  version: z.int().describe("0 until somebody has set one; the ETag."),
  retention_days: z.int(),
  store_bodies: z.boolean(),
  redact: z.array(z.enum(["email", "phone", "card", "secret"])),
  changed_by: z.string(),
  changed_at: time.nullable(),
});

export function toTenantBody(row: Tenant): z.input<typeof tenantBody> {
  return {
    object: "tenant",
    id: row.tenantId,
    name: row.name,
    slug: row.slug,
    plan: row.plan,
    status: row.status,
    suspended_reason: row.suspendedReason === "" ? null : row.suspendedReason,
    settings: {
      require_mfa: row.settings.requireMfa,
      sign_in_methods: [...row.settings.signInMethods],
      session_idle_minutes: row.settings.sessionIdleMinutes,
      session_lifetime_hours: row.settings.sessionLifetimeHours,
      silent_impersonation: row.settings.silentImpersonation,
      default_role: row.settings.defaultRole,
    },
    version: row.version,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

export function toDomainBody(row: TenantDomain): z.input<typeof domainBody> {
  const { name, value } = proofOf(row);
  return {
    object: "tenant.domain",
    domain: row.domain,
    verified: row.verifiedAt !== null,
    txt_name: name,
    txt_value: value,
    added_by: row.addedBy,
    added_at: row.addedAt.toISOString(),
    verified_at: row.verifiedAt?.toISOString() ?? null,
  };
}

export function toPolicyBody(row: DataPolicy): z.input<typeof policyBody> {
  return {
    object: "tenant.data_policy",
    version: row.version,
    retention_days: row.retentionDays,
    store_bodies: row.storeBodies,
    redact: [...row.redact],
    changed_by: row.changedBy,
    changed_at: row.changedAt?.toISOString() ?? null,
  };
}
