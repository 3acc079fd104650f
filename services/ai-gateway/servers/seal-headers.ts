import type { AiGatewayDeps } from "../deps.ts";
import { sealProviderKey } from "../seal-provider-key.ts";
import type { ServerHeaders } from "./server-headers.ts";

/** Into the vault, bound to the server's origin; gives the credential's id, empty where there is nothing to seal. A repeat changes nothing. */
export async function sealHeaders(
  deps: Pick<AiGatewayDeps, "credential">,
  { tenantId, payee: name, url: baseUrl }: { readonly tenantId: string; readonly payee: string; readonly url: string },
  headers: ServerHeaders,
): Promise<string> {
  if (Object.keys(headers).length === 0) return "";
  const lowered = Object.fromEntries(Object.entries(headers).map(([field, value]) => [field.toLowerCase(), value]));
  return sealProviderKey(deps, { tenantId, name, apiKey: JSON.stringify(lowered), baseUrl });
}
