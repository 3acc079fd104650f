import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { userAudit, userFactorsReset } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { lockPerson, type PersonReference, requireAbove } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import type { User } from "../model.ts";

export interface ResetFactorsInput extends PersonReference {
  /** Why; for the audit log. */
  readonly reason: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Takes the second factors of somebody who lost them away, and signs the person out everywhere: auth does so when it hears of it, within a moment,
 * or once it is back. The person is told by mail. Nobody does this to whoever has a role above theirs, nor to themselves. Throws `not_found`,
 * `own_factors`, `role_above_own` and `kit.permission_denied`. A repeat is safe, and is told again.
 */
export async function resetFactors(deps: UserDeps, input: ResetFactorsInput): Promise<User> {
  const { db, accounts, outbox, audit, writer, clock } = deps;
  const { actor, reason, clientAddress } = input;
  return db.transaction(async (tx) => {
    const { person } = await lockPerson(deps, tx, { ...input, needsOwners: false });
    const { userId, tenantId } = person;
    const actorId = actor?.userId ?? "";
    if (actorId === userId) throw new Failure(userFailures.own_factors);
    await requireAbove(deps, tx, actor, person);
    const resetAt = timestampFromDate(new Date(clock.nowMs()));
    await outbox.append(tx, userFactorsReset, { userId, tenantId, actorId, clientAddress, resetAt });
    await audit.append(tx, { event: userAudit.factorsReset, userId, tenantId, actorId, clientAddress, detail: reason });
    const account = await accounts.lockAccount(tx, userId);
    if (account) await writer.tell(tx, "factorsReset", account);
    return person;
  });
}
