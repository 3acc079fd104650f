import type { SsoDeps } from "../deps.ts";
import { requireFound } from "../scim/caller.ts";
import { parseFilter } from "../scim/filter.ts";
import type { Listed, ListWanted, ScimCaller, ScimReference, ScimUser } from "../scim/model.ts";

export interface ListScimInput extends ListWanted {
  readonly caller: ScimCaller;
}

/** People of the connection, and of no other, in the order of their creation. Throws `scim_filter_invalid`. */
export async function listScimUsers(
  { scimUsers }: Pick<SsoDeps, "scimUsers">,
  { caller, filter: text, startIndex, count }: ListScimInput,
): Promise<Listed<ScimUser>> {
  const { connectionId } = caller.connection;
  const filter = text === undefined ? undefined : parseFilter(text);
  const total = await scimUsers.countListed(connectionId, filter);
  const part = { limit: count, offset: startIndex - 1 };
  return { total, startIndex, rows: count === 0 ? [] : await scimUsers.listUsers(connectionId, filter, part) };
}

/** Throws `scim_not_found`, also for a person of another connection. */
export async function getScimUser(
  { scimUsers }: Pick<SsoDeps, "scimUsers">,
  reference: ScimReference,
): Promise<ScimUser> {
  const { caller, resourceId } = reference;
  return requireFound(await scimUsers.findUser(caller.connection.connectionId, resourceId), reference);
}
