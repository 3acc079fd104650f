import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import type { Connection } from "../model.ts";

/** A tenant's connection, without its secret. Throws `connection_not_found`. */
export async function getConnection(
  { connections }: Pick<SsoDeps, "connections">,
  { tenantId, connectionId }: { readonly tenantId: string; readonly connectionId: string },
): Promise<Connection> {
  const found = await connections.findConnection(tenantId, connectionId);
  if (!found) throw new Failure(ssoFailures.connection_not_found);
  return found;
}
