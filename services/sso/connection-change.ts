import { isDeepStrictEqual } from "node:util";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Author, Connection } from "./model.ts";
import type { GivenRules } from "./require-held.ts";

/**
 * What a change has a connection give that it did not give before: rules that are new; all of them where it vouches for others from now
 * on, for whoever says who they are gives them everything that it gives.
 */
export function rulesGivenAnew(before: Connection, after: Connection): GivenRules {
  if (after.isEnabled && !isDeepStrictEqual(vouchingOf(before), vouchingOf(after))) return after.rules;
  const { defaultRole, groupMapping, roleMapping } = after.rules;
  const isNewTo = (known: readonly object[]) => (rule: object) => !known.some((one) => isDeepStrictEqual(one, rule));
  return {
    defaultRole: defaultRole === before.rules.defaultRole ? null : defaultRole,
    groupMapping: groupMapping.filter(isNewTo(before.rules.groupMapping)),
    roleMapping: roleMapping.filter(isNewTo(before.rules.roleMapping)),
  };
}

/** What decides for whom a connection vouches, and what it is told of them. */
function vouchingOf({ party, isEnabled, rules: { mayCreate, allowedDomains, claims } }: Connection) {
  return { party, isEnabled, mayCreate, allowedDomains, claims };
}

/** What events tell of a connection. */
export function toChangedMessage(connection: Connection, { userId, clientAddress }: Author) {
  const { connectionId, tenantId, name, party, isEnabled, rules, version, updatedAt } = connection;
  return {
    ...{ connectionId, tenantId, name, kind: party.kind, isEnabled, version: BigInt(version) },
    ...{ domains: [...rules.domains], isEnforced: rules.isEnforced, actorId: userId, clientAddress },
    roles: [
      ...new Set([...(rules.defaultRole ? [rules.defaultRole] : []), ...rules.roleMapping.map(({ role }) => role)]),
    ],
    changedAt: timestampFromDate(updatedAt),
  };
}

/** What a connection's secret is sealed for. */
export function secretPurpose(connectionId: string): string {
  return `sso.secret/${connectionId}`;
}
