import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "./deps.ts";
import type { OidcParty, Party, SamlParty } from "./model.ts";
import { fieldRefused, readSamlSource, type SamlFacts, type SamlSource } from "./saml/idp-metadata.ts";

/** What may be entered of a provider; what is undefined stays as it is. */
export interface PartyInput {
  readonly oidc: { readonly [Field in keyof Omit<OidcParty, "kind">]: OidcParty[Field] | undefined };
  readonly saml: SamlSource;
}

/** As fields are called in requests. */
const fieldNames: Readonly<Record<keyof PartyInput["oidc"] | keyof SamlSource, string>> = {
  ...{ issuer: "issuer", clientId: "client_id", scopes: "scopes" },
  ...{ entityId: "entity_id", ssoUrl: "sso_url", certificates: "certificates" },
  ...{ metadata: "metadata", metadataUrl: "metadata_url" },
};

/** What is to change, once documents have been read; only fields of the connection's kind. Throws `field_refused`. */
export async function readPartyInput(
  deps: Pick<SsoDeps, "fetchFrom">,
  kind: Party["kind"],
  input: PartyInput,
): Promise<Partial<OidcParty> | Partial<SamlParty>> {
  const foreign = Object.entries(kind === "oidc" ? input.saml : input.oidc).find(([, value]) => value !== undefined);
  if (foreign) {
    const name = fieldNames[foreign[0] as keyof typeof fieldNames];
    throw fieldRefused(name, [`is not of a connection of kind ${kind}`, `不适用于 ${kind} 类型的连接`]);
  }
  return kind === "oidc" ? given(input.oidc) : given(await readSamlSource(deps, input.saml));
}

/** A new SAML party. Throws `field_refused` for what is missing. */
export function toSamlParty({ entityId, ssoUrl, certificates }: SamlFacts): SamlParty {
  const missing = ["must be given where no metadata are", "未提供 metadata 时必须给出"] as const;
  if (entityId === undefined) throw fieldRefused("entity_id", missing);
  if (ssoUrl === undefined) throw fieldRefused("sso_url", missing);
  if (certificates === undefined) throw fieldRefused("certificates", missing);
  return { kind: "saml", entityId, ssoUrl, certificates };
}

/** Throws `address_refused` for an address of the provider that may not be called, or not be trusted with a person. */
export function requirePublicAddresses({ guard }: Pick<SsoDeps, "guard">, party: Party): void {
  const [field, address] =
    party.kind === "oidc" ? (["issuer", party.issuer] as const) : (["sso_url", party.ssoUrl] as const);
  requirePublicAddress({ guard }, field, address);
}

/** The same for an address that stands in a field. */
export function requirePublicAddress({ guard }: Pick<SsoDeps, "guard">, field: string, address: string): void {
  const refusal = guard?.refuse(new URL(address));
  if (!refusal) return;
  throw new Failure(ssoFailures.address_refused, { field, reason: refusal.en_US, reason_zh_CN: refusal.zh_CN });
}

/** The fields that are given. */
export function given<Fields extends object>(
  fields: Fields,
): { [Field in keyof Fields]?: Exclude<Fields[Field], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
