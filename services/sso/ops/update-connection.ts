import { ssoConnectionUpdated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { rulesGivenAnew, secretPurpose, toChangedMessage } from "../connection-change.ts";
import type { SsoDeps } from "../deps.ts";
import type { Author, Connection, ConnectionRules, Party } from "../model.ts";
import { given, type PartyInput, readPartyInput, requirePublicAddresses } from "../party-change.ts";
import { requireHeldRules } from "../require-held.ts";
import { sealJson } from "../sealed.ts";

/** Which connection, and at which version; undefined when any will do. */
export interface ConnectionChange {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly expectedVersion: number | undefined;
  readonly author: Author;
}

export interface UpdateConnectionInput extends ConnectionChange {
  /** What is undefined stays, here and below. */
  readonly name: string | undefined;
  readonly isEnabled: boolean | undefined;
  readonly party: PartyInput;
  readonly rules: { readonly [Field in keyof ConnectionRules]?: ConnectionRules[Field] | undefined };
  readonly secret: Secret | undefined;
  /** What the author holds: the connection gives people no more. */
  readonly held: readonly string[];
}

/**
 * The connection as it is from now on. Throws `connection_not_found`, `version_mismatch`, `name_taken`, `domain_taken`,
 * `address_refused`, `field_refused`, and what `requireHeldRules` throws. A repeat is safe.
 */
export async function updateConnection(deps: SsoDeps, input: UpdateConnectionInput): Promise<Connection> {
  const { db, connections, outbox, clock } = deps;
  const { tenantId, connectionId, author, secret } = input;
  const found = await connections.findConnection(tenantId, connectionId);
  if (!found) throw new Failure(ssoFailures.connection_not_found);
  // A kind stays: what is entered for it can be read before anything is locked.
  const partyChange = await readPartyInput(deps, found.party.kind, input.party);
  return db.transaction(async (tx) => {
    await connections.lockTenant(tx, tenantId);
    const before = await connections.lockConnection(tx, tenantId, connectionId);
    if (!before) throw new Failure(ssoFailures.connection_not_found);
    requireVersion(before, input.expectedVersion);
    const { sealedSecret, ...known } = before;
    const after: Connection = {
      ...known,
      ...{ name: input.name ?? known.name, isEnabled: input.isEnabled ?? known.isEnabled },
      party: { ...known.party, ...partyChange } as Party,
      rules: { ...known.rules, ...given(input.rules) },
      ...{ version: known.version + 1, updatedAt: new Date(clock.nowMs()) },
    };
    await requireHeldRules(deps, rulesGivenAnew(known, after), input);
    requirePublicAddresses(deps, after.party);
    if (await connections.hasOtherOfName(tx, after)) throw new Failure(ssoFailures.name_taken);
    const sealed = secret ? sealJson(deps, secret.reveal(), secretPurpose(connectionId)) : sealedSecret;
    await connections.updateConnection(tx, { ...after, sealedSecret: sealed });
    await connections.deleteDomains(tx, connectionId);
    const taken = await connections.insertDomains(tx, after);
    const lost = after.rules.domains.find((domain) => !taken.includes(domain));
    if (lost !== undefined) throw new Failure(ssoFailures.domain_taken, { domain: lost });
    // What groups give by the new rules is given to those who are in them by SCIM.
    if (input.rules.groupMapping || input.rules.roleMapping) await deps.scimUsers.setAllDue(tx, connectionId);
    await outbox.append(tx, ssoConnectionUpdated, toChangedMessage(after, author));
    return after;
  });
}

/** Throws `version_mismatch`. */
export function requireVersion({ version: current }: Pick<Connection, "version">, expected: number | undefined): void {
  if (expected === undefined || expected === current) return;
  throw new Failure(ssoFailures.version_mismatch, { current, expected });
}
