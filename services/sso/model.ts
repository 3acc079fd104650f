import { roleNamePattern } from "@lyss/contracts/access/roles.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { parseCertificate } from "./saml/certificate.ts";
import { maxXmlBytes } from "./saml/xml.ts";

export type ConnectionId = `sso_${string}`;

/** In a group. */
export type FederatedRole = "admin" | "member" | "viewer";

/** Whoever has `value` among the groups that the provider tells is in that group, with that role. */
export interface GroupRule {
  readonly value: string;
  readonly groupId: string;
  readonly role: FederatedRole;
}

/** Whoever has `value` among the groups that the provider tells has that role in the tenant. */
export interface RoleRule {
  readonly value: string;
  readonly role: string;
}

/** Where in the provider's word each thing stands. */
export interface ClaimNames {
  readonly email: string;
  readonly name: string;
  readonly groups: string;
}

/** What holds for a connection of any kind. */
export interface ConnectionRules {
  /** E-mail domains whose people are sent here. */
  readonly domains: readonly string[];
  /** Whether people of these domains may no longer sign in with a password. */
  readonly isEnforced: boolean;
  /** Whether whoever the provider vouches for gets an account. */
  readonly mayCreate: boolean;
  /** Of people who are created; null for the tenant's default. */
  readonly defaultRole: string | null;
  /** Only addresses of these domains; of any when empty. */
  readonly allowedDomains: readonly string[];
  readonly claims: ClaimNames;
  readonly groupMapping: readonly GroupRule[];
  /** The first one that fits counts. */
  readonly roleMapping: readonly RoleRule[];
}

/** What an OpenID provider is known by. */
export interface OidcParty {
  readonly kind: "oidc";
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
}

/** What a SAML identity provider is known by. */
export interface SamlParty {
  readonly kind: "saml";
  readonly entityId: string;
  /** Where browsers are sent with a request. */
  readonly ssoUrl: string;
  /** Base64 of DER: any of them may sign, so that keys can change. */
  readonly certificates: readonly string[];
}

export type Party = OidcParty | SamlParty;

/** A tenant's way to sign on from elsewhere, without its secret. */
export interface Connection<Of extends Party = Party> {
  readonly connectionId: ConnectionId;
  readonly tenantId: string;
  readonly name: string;
  readonly isEnabled: boolean;
  readonly party: Of;
  readonly rules: ConnectionRules;
  /** 1, and one more for each change. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export type OidcConnection = Connection<OidcParty>;
export type SamlConnection = Connection<SamlParty>;

export function isOidc<Row extends Connection>(connection: Row): connection is Row & OidcConnection {
  return connection.party.kind === "oidc";
}

export function isSaml<Row extends Connection>(connection: Row): connection is Row & SamlConnection {
  return connection.party.kind === "saml";
}

/** Who changes a connection, as events name them. */
export interface Author {
  readonly userId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/** What a provider says of somebody, checked and bounded, but believed no further than the connection's rules go. */
export interface Assertion {
  /** The provider's own name for the person; compared byte by byte, and with nothing but itself. */
  readonly subject: string;
  /** As the provider wrote it; undefined when it tells none. */
  readonly email: string | undefined;
  /** Whether the provider says that it has checked the address. */
  readonly isEmailVerified: boolean;
  readonly name: string | undefined;
  readonly groups: readonly string[];
  /** The provider's name for the session; undefined when it tells none. */
  readonly providerSession: string | undefined;
  /** From when on the provider no longer vouches; undefined when it does not say. */
  readonly notAfterMs: number | undefined;
}

export const limits = {
  connectionsPerTenant: 50,
  subjectLength: 255,
  groupsPerPerson: 200,
  groupLength: 200,
  codeTtlMs: 60_000,
} as const;

const label = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const domain = z
  .string()
  .max(253)
  .toLowerCase()
  .regex(
    new RegExp(`^${label}(?:\\.${label})+$`),
    inBothLanguages("must be a domain such as example.com", "必须是域名，例如 example.com"),
  );
const domains = z.array(domain).max(50).refine(isDistinct, inBothLanguages("must not repeat one", "不得重复"));
const claim = z
  .string()
  .regex(
    /^[\x21-\x7e]{1,200}$/,
    inBothLanguages("must be 1 to 200 ASCII characters without spaces", "必须是 1 到 200 个不含空格的 ASCII 字符"),
  );

function isDistinct(items: readonly string[]): boolean {
  return new Set(items).size === items.length;
}

const url = z
  .url()
  .max(500)
  .refine(
    (text) => /^https?:\/\/[^?#]+$/.test(text),
    inBothLanguages("must be an https URL without query and fragment", "必须是不含查询和片段的 https URL"),
  );

const samlUrl = z
  .url()
  .max(1_000)
  .refine(
    (text) => /^https?:\/\/[^#]+$/.test(text),
    inBothLanguages("must be an https URL without fragment", "必须是不含片段的 https URL"),
  );

const groupRole = z.enum(["admin", "member", "viewer"]);

const tenantRole = z
  .string()
  .regex(roleNamePattern, inBothLanguages("must be the name of a role of the tenant", "必须是租户的角色名称"))
  .refine(
    (role) => role !== "owner" && role !== "operator",
    inBothLanguages(
      "must not be owner or operator: people make those",
      "不能是 owner 或 operator，这些角色只能由人授予",
    ),
  );

/** Bounds of what callers may enter. */
export const connectionFields = {
  name: z.string().trim().min(1).max(100),
  issuer: url,
  clientId: z.string().min(1).max(255),
  clientSecret: z
    .string()
    .min(1)
    .max(2_000)
    .transform((text) => new Secret(text))
    .meta({ writeOnly: true }),
  scopes: z
    .array(
      z
        .string()
        .regex(
          /^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/,
          inBothLanguages(
            "must be 1 to 100 characters that a scope may have (RFC 6749)",
            "必须是 1 到 100 个 RFC 6749 允许的字符",
          ),
        ),
    )
    .max(20)
    .refine(isDistinct, inBothLanguages("must not repeat one", "不得重复")),
  entityId: z
    .string()
    .regex(
      /^[\x21-\x7e]{1,1024}$/,
      inBothLanguages("must be 1 to 1,024 ASCII characters without spaces", "必须是 1 到 1024 个不含空格的 ASCII 字符"),
    ),
  ssoUrl: samlUrl,
  metadataUrl: samlUrl,
  metadata: z.string().min(1).max(maxXmlBytes),
  certificates: z
    .array(
      z
        .string()
        .max(10_000)
        .refine(
          (text) => parseCertificate(text) !== undefined,
          inBothLanguages(
            "must be a certificate (PEM, or base64 of DER) of an RSA key of at least 2,048 bits",
            "必须是 RSA 2048 位及以上密钥的证书（PEM 或 DER 的 base64）",
          ),
        ),
    )
    .min(1)
    .max(3),
  domains,
  allowedDomains: domains,
  defaultRole: tenantRole,
  claims: z.strictObject({ email: claim.optional(), name: claim.optional(), groups: claim.optional() }),
  groupMapping: z
    .array(
      z.strictObject({
        value: z.string().min(1).max(limits.groupLength),
        group_id: z.string().min(1).max(64),
        role: groupRole,
      }),
    )
    .max(200),
  roleMapping: z.array(z.strictObject({ value: z.string().min(1).max(limits.groupLength), role: tenantRole })).max(100),
};

/** The domain of an address: what stands behind its last @, in lower case. */
export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf("@") + 1).toLowerCase();
}

/** An address that only one person can have: plain ASCII, for a Kelvin sign is a k once it is in lower case. */
export function isPlainEmail(email: string): boolean {
  return email.length <= 254 && /^[\x21-\x3f\x41-\x7e]+@[a-zA-Z0-9.-]+$/.test(email);
}
