import type { SamlConnection } from "../model.ts";

/** What Lyss is called at a connection's identity provider, and where its answers come. */
export function serviceProviderOf(publicUrl: string, connectionId: string) {
  const base = `${publicUrl}/api/v1/sso/${connectionId}/saml`;
  return { entityId: `${base}/metadata`, acsUrl: `${base}/acs` };
}

export interface SamlRequest {
  readonly publicUrl: string;
  /** Of the request; an answer names it. */
  readonly requestId: string;
  /** What comes back with the answer: at most 80 bytes. */
  readonly relayState: string;
}

/** Where the browser goes with the request (SAML Bindings, 3.4: HTTP Redirect). The request is not signed. */
export async function authnRequestUrl(
  { connectionId, party }: Pick<SamlConnection, "connectionId" | "party">,
  { publicUrl, requestId, relayState }: SamlRequest,
): Promise<string> {
  const { SAML } = await import("@node-saml/node-saml");
  const { entityId, acsUrl } = serviceProviderOf(publicUrl, connectionId);
  const provider = new SAML({
    ...{ issuer: entityId, callbackUrl: acsUrl, generateUniqueId: () => requestId },
    ...{ entryPoint: party.ssoUrl, idpCert: [...party.certificates] },
    // Which name and how the person is recognised is the provider's affair.
    ...{ identifierFormat: null, disableRequestedAuthnContext: true },
  });
  return provider.getAuthorizeUrlAsync(relayState, undefined, {});
}

/** The metadata document that an identity provider is set up with (SAML Metadata, 2.4.4). */
export async function serviceProviderMetadata(publicUrl: string, connectionId: string): Promise<string> {
  const { generateServiceProviderMetadata } = await import("@node-saml/node-saml");
  const { entityId, acsUrl } = serviceProviderOf(publicUrl, connectionId);
  return generateServiceProviderMetadata({
    ...{ issuer: entityId, callbackUrl: acsUrl, identifierFormat: null, wantAssertionsSigned: true },
    generateUniqueId: () => `_${connectionId}`,
  });
}
