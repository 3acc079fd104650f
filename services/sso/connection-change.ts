import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "./deps.ts";
import { groupActor } from "./group-rules.ts";
import type { Author, Connection } from "./model.ts";

/** Throws `group_unknown` for a rule about a group that the tenant does not have. */
export async function requireGroups(
  { group }: Pick<SsoDeps, "group">,
  tenantId: string,
  groupIds: readonly string[],
): Promise<void> {
  for (const groupId of new Set(groupIds)) {
    await group.getGroup({ tenantId, groupId, actor: groupActor }).catch((err: unknown) => {
      throw isFailure(err, groupFailures.not_found) ? new Failure(ssoFailures.group_unknown, { groupId }) : err;
    });
  }
}

/** What events tell of a connection. */
export function toChangedMessage(connection: Connection, { userId, clientAddress }: Author) {
  const { connectionId, tenantId, name, party, isEnabled, rules, version, updatedAt } = connection;
  return {
    ...{ connectionId, tenantId, name, kind: party.kind, isEnabled, version: BigInt(version) },
    ...{ domains: [...rules.domains], isEnforced: rules.isEnforced, actorId: userId, clientAddress },
    changedAt: timestampFromDate(updatedAt),
  };
}

/** What a connection's secret is sealed for. */
export function secretPurpose(connectionId: string): string {
  return `sso.secret/${connectionId}`;
}
