import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { isSaml } from "../model.ts";
import { serviceProviderMetadata } from "../saml/service-provider.ts";

/** The metadata document by which a SAML provider learns of us. Throws `connection_not_found`. */
export async function describeServiceProvider(
  { connections, settings }: Pick<SsoDeps, "connections" | "settings">,
  { connectionId }: { readonly connectionId: string },
): Promise<string> {
  const connection = await connections.findSealed(connectionId);
  if (!connection || !isSaml(connection)) throw new Failure(ssoFailures.connection_not_found);
  return serviceProviderMetadata(settings.publicUrl, connection.connectionId);
}
