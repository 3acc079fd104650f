import { z } from "zod";
import { type Connection, connectionFields, limits } from "./model.ts";
import { redirectUriOf } from "./ops/start-sign-in.ts";
import { parseCertificate } from "./saml/certificate.ts";
import { serviceProviderOf } from "./saml/service-provider.ts";

export const time = z.iso.datetime();
const role = connectionFields.defaultRole;
const groupRole = z.enum(["admin", "member", "viewer"]);

const shown = {
  object: z.literal("sso.connection"),
  id: z.string(),
  name: z.string(),
  enabled: z.boolean(),
  domains: z.array(z.string()),
  enforced: z.boolean(),
  create_people: z.boolean(),
  default_role: role.nullable().describe("Null for the tenant's default."),
  allowed_domains: z.array(z.string()),
  claims: z.strictObject({ email: z.string(), name: z.string(), groups: z.string() }),
  group_mapping: z.array(z.strictObject({ value: z.string(), group_id: z.string(), role: groupRole })),
  role_mapping: z.array(z.strictObject({ value: z.string(), role })),
  version: z.int(),
  created_at: time,
  updated_at: time,
};

/** A connection as it is shown. */
export const connectionBody = z.discriminatedUnion("kind", [
  z.strictObject({
    ...{ ...shown, kind: z.literal("oidc"), issuer: z.string(), client_id: z.string(), scopes: z.array(z.string()) },
    redirect_uri: z.string().describe("To be registered at the provider."),
    backchannel_logout_uri: z
      .string()
      .describe("To be registered at the provider, so that a session that ends there ends here."),
  }),
  z.strictObject({
    ...{ ...shown, kind: z.literal("saml"), entity_id: z.string(), sso_url: z.string() },
    certificates: z.array(z.strictObject({ fingerprint_sha256: z.string(), expires_at: time })),
    sp_entity_id: z.string().describe("What Lyss is called at the provider: the audience of its assertions."),
    acs_url: z.string().describe("To be registered at the provider: where its answers are posted."),
    sp_metadata_url: z.string().describe("A document that tells the provider both."),
  }),
]);

/** What holds for a connection of any kind, as it is entered. */
export const ruleFields = {
  domains: connectionFields.domains.describe(
    "E-mail domains whose people are sent here; found by address once the tenant has verified them.",
  ),
  enforced: z
    .boolean()
    .describe("Whether the tenant's people of these domains may no longer sign in with a password. Owners always may."),
  create_people: z.boolean().describe("Whether whoever the provider vouches for gets an account."),
  default_role: role
    .nullable()
    .describe("Of people who are created: built in, or the tenant's own; the tenant's default when it is null."),
  allowed_domains: connectionFields.allowedDomains.describe(
    "Only e-mail addresses of these domains; of any when empty.",
  ),
  claims: connectionFields.claims.describe("Where in the provider's word e-mail address, name and groups stand."),
  group_mapping: connectionFields.groupMapping.describe(
    `Whoever has the value among the provider's groups is in the group, with the role; taken back when it is no longer so. Of at most ${limits.groupsPerPerson} groups a person.`,
  ),
  role_mapping: connectionFields.roleMapping
    .describe(
      "Whoever has the value among the provider's groups has the role in the tenant; of several the one that stands first here. Where none fits any more, the default takes its place. Owners, and whoever may do more than an admin by another's decision, keep their role.",
    )
    .meta({ examples: [[{ value: "platform-admins", role: "admin" }]] }),
};

export const defaultClaims = { email: "email", name: "name", groups: "groups" };

type RuleInput = { readonly [Field in keyof typeof ruleFields]?: z.output<(typeof ruleFields)[Field]> | undefined };

/** Entered rules as the operations take them; what was left out stays undefined. */
export function toRules({ enforced, create_people, default_role, allowed_domains, ...rest }: RuleInput) {
  return {
    domains: rest.domains,
    isEnforced: enforced,
    mayCreate: create_people,
    defaultRole: default_role,
    allowedDomains: allowed_domains,
    claims: rest.claims && withDefaults(rest.claims),
    groupMapping: rest.group_mapping?.map(({ value, group_id: groupId, role: given }) => ({
      ...{ value, groupId, role: given },
    })),
    roleMapping: rest.role_mapping,
  };
}

function withDefaults({ email, name, groups }: NonNullable<RuleInput["claims"]>) {
  return {
    email: email ?? defaultClaims.email,
    name: name ?? defaultClaims.name,
    groups: groups ?? defaultClaims.groups,
  };
}

export function toConnectionBody(row: Connection, publicUrl: string): z.input<typeof connectionBody> {
  const { rules } = row;
  return {
    object: "sso.connection",
    id: row.connectionId,
    name: row.name,
    enabled: row.isEnabled,
    ...toPartyBody(row, publicUrl),
    domains: [...rules.domains],
    enforced: rules.isEnforced,
    create_people: rules.mayCreate,
    default_role: rules.defaultRole,
    allowed_domains: [...rules.allowedDomains],
    claims: rules.claims,
    group_mapping: rules.groupMapping.map(({ value, groupId, role: given }) => ({
      ...{ value, group_id: groupId, role: given },
    })),
    role_mapping: rules.roleMapping.map((rule) => ({ ...rule })),
    version: row.version,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function toPartyBody({ connectionId, party }: Connection, publicUrl: string) {
  if (party.kind === "oidc") {
    return {
      ...{ kind: party.kind, issuer: party.issuer, client_id: party.clientId, scopes: [...party.scopes] },
      redirect_uri: redirectUriOf(publicUrl, connectionId),
      backchannel_logout_uri: `${publicUrl}/api/v1/sso/${connectionId}/backchannel-logout`,
    };
  }
  const { entityId, acsUrl } = serviceProviderOf(publicUrl, connectionId);
  return {
    ...{ kind: party.kind, entity_id: party.entityId, sso_url: party.ssoUrl },
    certificates: party.certificates
      .map(parseCertificate)
      .flatMap((certificate) =>
        certificate
          ? [{ fingerprint_sha256: certificate.fingerprint256, expires_at: certificate.validToDate.toISOString() }]
          : [],
      ),
    ...{ sp_entity_id: entityId, acs_url: acsUrl, sp_metadata_url: entityId },
  };
}
