import { toolResource } from "@lyss/contracts/access/resources.ts";
import type { ClientMetadata } from "oidc-provider";
import { isNative } from "./client-model.ts";
import type { StoredClient } from "./client-store.ts";

/** A client as the library knows it (RFC 7591). Its secret stands there as a hash, and is compared as one. */
export function toClientMetadata(client: StoredClient): ClientMetadata {
  const { secretHash, scopes } = client;
  const callsTools = scopes.includes(toolResource.scope);
  return {
    client_id: client.clientId,
    client_name: client.name,
    tenant: client.tenantId,
    ...(secretHash && { client_secret: secretHash.toString("hex") }),
    token_endpoint_auth_method: secretHash ? "client_secret_basic" : "none",
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    ...(client.backchannelLogoutUri !== null && {
      backchannel_logout_uri: client.backchannelLogoutUri,
      backchannel_logout_session_required: client.backchannelLogoutSessionRequired,
    }),
    scope: scopes.filter((scope) => scope !== toolResource.scope).join(" "),
    calls_tools: callsTools,
    grant_types:
      callsTools || scopes.includes("offline_access")
        ? ["authorization_code", "refresh_token"]
        : ["authorization_code"],
    response_types: ["code"],
    id_token_signed_response_alg: "RS256",
    // Of a native one any port of the person's own machine will do (RFC 8252, 7.3).
    application_type: isNative(client) ? "native" : "web",
  };
}
