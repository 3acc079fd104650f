import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { CredentialDeps } from "../deps.ts";
import type { Credential } from "../model.ts";

export interface ListCredentialsInput extends PageRequest {
  readonly tenantId: string;
}

/** A tenant's credentials, newest first, revoked ones included. */
export async function listCredentials(
  { store }: Pick<CredentialDeps, "store">,
  { tenantId, limit, cursor }: ListCredentialsInput,
): Promise<Page<Credential>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await store.listCredentials(tenantId, afterId, limit + 1);
  return toPage(rows, limit, ({ credentialId }) => [credentialId]);
}
