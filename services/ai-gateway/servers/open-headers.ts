import type { CredentialCache } from "../credential-cache.ts";
import type { Provider } from "../model.ts";
import type { ServerHeaders } from "./server-headers.ts";

/** What was sealed. Throws the credential service's failures. */
export async function openHeaders(credentials: CredentialCache, upstream: Provider): Promise<ServerHeaders> {
  const secret = await credentials.secretOf(upstream);
  return secret === "" ? {} : JSON.parse(secret);
}
