import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Author } from "../model.ts";
import type { ScimCaller, ScimGroup, ScimToken, ScimUser } from "./model.ts";

/** What events tell of a person or a group. */
export function toResourceMessage(row: ScimUser | ScimGroup, { tokenId, clientAddress }: ScimCaller, at: Date) {
  const { resourceId, connectionId, tenantId, version } = row;
  const { userId = "", isActive = true } = row as Partial<ScimUser>;
  return {
    ...{ connectionId, tenantId, resourceId, userId, isActive, version: BigInt(version), actorId: tokenId },
    ...{ clientAddress, changedAt: timestampFromDate(at) },
  };
}

/** What events tell of a token. */
export function toTokenMessage(token: ScimToken, { userId, clientAddress }: Author, at: Date) {
  const { tokenId, connectionId, tenantId, prefix, expiresAt } = token;
  return {
    ...{ tokenId, connectionId, tenantId, prefix, actorId: userId, clientAddress, changedAt: timestampFromDate(at) },
    ...(expiresAt && { expiresAt: timestampFromDate(expiresAt) }),
  };
}
