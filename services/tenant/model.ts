import { domainToASCII } from "node:url";
import { isBuiltInRole, roleNamePattern } from "@lyss/contracts/access/roles.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";

export type TenantId = `ten_${string}`;

/** `provisioning` until its people, wallet and permissions are set up. */
export type TenantStatus = "provisioning" | "active" | "suspended";

/** An organisation. */
export interface Tenant {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  readonly status: TenantStatus;
  readonly settings: TenantSettings;
  /** 1, and one more for each change; the ETag. */
  readonly version: number;
  /** Empty unless it is suspended. */
  readonly suspendedReason: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type SignInMethod = "password" | "passkey" | "sso";

/** How people come in and sign in, and for how long. What the installation has set more strictly holds as well. */
export interface TenantSettings {
  readonly requireMfa: boolean;
  /** Empty for all. */
  readonly signInMethods: readonly SignInMethod[];
  /** 0 for the installation's own limit; here and below. */
  readonly sessionIdleMinutes: number;
  readonly sessionLifetimeHours: number;
  /** Whether people are not told by mail when an operator acts in their name. */
  readonly silentImpersonation: boolean;
  /** What people become who come in by a registration or a sign-on that says nothing else. */
  readonly defaultRole: string;
}

export const defaultSettings: TenantSettings = {
  requireMfa: false,
  signInMethods: [],
  sessionIdleMinutes: 0,
  sessionLifetimeHours: 0,
  silentImpersonation: false,
  defaultRole: "member",
};

/** On whose behalf something is done. */
export interface Actor {
  /** Empty for the platform itself. */
  readonly userId: string;
  /** The tenant that it belongs to. */
  readonly tenantId: string;
  readonly permissions: readonly string[];
  /** Where the connection came from; empty when that is not known. */
  readonly clientAddress: string;
}

/** The platform itself, or a service of it. */
export function platformActor({ userId = "", clientAddress = "" }: Partial<Actor> = {}): Actor {
  return { userId, clientAddress, tenantId: "", permissions: [manageTenantsPermission] };
}

/** Held by those who operate the installation: it reaches every tenant. Others reach their own. */
export const manageTenantsPermission = "platform:tenants";

export function isOperator({ permissions }: Actor): boolean {
  return permits(permissions, manageTenantsPermission);
}

/** A domain that a tenant says is its own. */
export interface TenantDomain {
  readonly tenantId: string;
  readonly domain: string;
  readonly token: string;
  readonly addedBy: string;
  readonly addedAt: Date;
  /** Null until the tenant has shown that it is. */
  readonly verifiedAt: Date | null;
}

/** The TXT record that shows whose a domain is. */
export function proofOf({ domain, token }: Pick<TenantDomain, "domain" | "token">) {
  return { name: `_lyss.${domain}`, value: `lyss-verification=${token}` };
}

export type Redaction = "email" | "phone" | "card" | "secret";

/** What is kept of a tenant's calls, and for how long. */
export interface DataPolicy {
  readonly tenantId: string;
  /** 0 for the one that holds until somebody changes it. */
  readonly version: number;
  readonly retentionDays: number;
  readonly storeBodies: boolean;
  readonly redact: readonly Redaction[];
  readonly changedBy: string;
  readonly changedAt: Date | null;
}

/** Nothing that people have written is stored until a tenant says so. */
export function defaultPolicy(tenantId: string): DataPolicy {
  return { tenantId, version: 0, retentionDays: 90, storeBodies: false, redact: [], changedBy: "", changedAt: null };
}

export const maxDomains = 100;

/** Bounds of what callers may enter. A slug is a DNS label, so that it can become a host name. */
export const newTenantSchema = z.object({
  name: z.string().trim().min(1).max(100),
  slug: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/,
      inBothLanguages(
        "must be 2 to 63 characters of a-z, 0-9 and inner dashes",
        "必须是 2 到 63 个字符：a-z、0-9，中间可用连字符",
      ),
    ),
  plan: z
    .string()
    .regex(
      /^[a-z0-9-]{1,32}$/,
      inBothLanguages("must be 1 to 32 characters of a-z, 0-9 and dashes", "必须是 1 到 32 个字符：a-z、0-9 和连字符"),
    ),
});

const label = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";
const isDomain = new RegExp(`^(${label}\\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$`);

/** Bounds of what callers may enter later on. */
export const tenantFields = {
  name: newTenantSchema.shape.name,
  plan: newTenantSchema.shape.plan,
  reason: z.string().trim().min(1).max(500),
  requireMfa: z.boolean(),
  signInMethods: z
    .array(z.enum(["password", "passkey", "sso"]))
    .max(3)
    .transform((methods) => [...new Set(methods)].sort()),
  sessionIdleMinutes: z.union([z.literal(0), z.int().min(5).max(43_200)]),
  sessionLifetimeHours: z.union([z.literal(0), z.int().min(1).max(2_160)]),
  defaultRole: z
    .string()
    .regex(roleNamePattern, inBothLanguages("must be the name of a role of the tenant", "必须是租户的角色名称"))
    .refine(
      (role) => !isBuiltInRole(role) || role === "member" || role === "viewer",
      inBothLanguages(
        "must be member, viewer or a role that the tenant has made: nobody becomes more by coming in",
        "必须是 member、viewer 或租户自定义的角色，新成员不能自动获得更高的内置角色",
      ),
    ),
  /** In ASCII and lower case, whatever was typed. */
  domain: z
    .string()
    .trim()
    .min(1)
    .max(253)
    .transform((typed) => domainToASCII(typed.replace(/\.$/, "")))
    .refine(
      (domain) => domain.length <= 253 && isDomain.test(domain),
      inBothLanguages("must be the name of a domain, such as example.com", "必须是域名，例如 example.com"),
    ),
  retentionDays: z.int().min(1).max(3_650),
  redact: z
    .array(z.enum(["email", "phone", "card", "secret"]))
    .max(4)
    .transform((kinds) => [...new Set(kinds)].sort()),
};
