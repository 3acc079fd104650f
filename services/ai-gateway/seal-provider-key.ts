import type { AiGatewayDeps } from "./deps.ts";
import { originOf } from "./model.ts";

export interface ProviderKey {
  readonly tenantId: string;
  readonly name: string;
  readonly apiKey: string;
  readonly baseUrl: string;
}

/** Puts a provider's key into the vault, bound to the provider's address; gives the credential's id. A repeat changes nothing. */
export async function sealProviderKey(
  { credential }: Pick<AiGatewayDeps, "credential">,
  { tenantId, name, apiKey, baseUrl }: ProviderKey,
): Promise<string> {
  const sealed = await credential.createCredential({
    tenantId,
    name: `provider ${name}`,
    secret: apiKey,
    allowedOrigins: [originOf({ baseUrl })],
  });
  return sealed.credential?.credentialId ?? "";
}
