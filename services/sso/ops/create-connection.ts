import { ssoConnectionCreated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { secretPurpose, toChangedMessage } from "../connection-change.ts";
import type { SsoDeps } from "../deps.ts";
import {
  type Author,
  type Connection,
  type ConnectionId,
  type ConnectionRules,
  limits,
  type OidcParty,
  type Party,
} from "../model.ts";
import { requirePublicAddresses, toSamlParty } from "../party-change.ts";
import { requireHeldRules } from "../require-held.ts";
import { readSamlSource, type SamlSource } from "../saml/idp-metadata.ts";
import { sealJson } from "../sealed.ts";

export interface CreateConnectionInput {
  readonly tenantId: string;
  readonly name: string;
  readonly isEnabled: boolean;
  readonly party: OidcParty | ({ readonly kind: "saml" } & SamlSource);
  readonly rules: ConnectionRules;
  /** Undefined for a public client. */
  readonly secret: Secret | undefined;
  readonly author: Author;
  /** What the author holds: the connection gives people no more. */
  readonly held: readonly string[];
}

/**
 * Sets up a connection. Throws `name_taken`, `domain_taken`, `too_many_connections`, `address_refused`, `field_refused`,
 * and what `requireHeldRules` throws. The names of a tenant's connections differ, so a repeat makes no second one.
 */
export async function createConnection(deps: SsoDeps, input: CreateConnectionInput): Promise<Connection> {
  const { db, connections, outbox, clock, random } = deps;
  const { tenantId, name, isEnabled, rules, secret, author, held } = input;
  const party = await toParty(deps, input.party);
  requirePublicAddresses(deps, party);
  await requireHeldRules(deps, rules, { tenantId, held });
  const createdAt = new Date(clock.nowMs());
  const connectionId = random.id("sso") as ConnectionId;
  const connection: Connection = {
    ...{ connectionId, tenantId, name, isEnabled, party, rules, version: 1, createdAt, updatedAt: createdAt },
  };
  const sealedSecret = secret ? sealJson(deps, secret.reveal(), secretPurpose(connectionId)) : null;
  await db.transaction(async (tx) => {
    await connections.lockTenant(tx, tenantId);
    const limit = limits.connectionsPerTenant;
    if ((await connections.countConnections(tx, tenantId)) >= limit) {
      throw new Failure(ssoFailures.too_many_connections, { limit });
    }
    if (!(await connections.insertConnection(tx, { ...connection, sealedSecret }))) {
      throw new Failure(ssoFailures.name_taken);
    }
    const taken = await connections.insertDomains(tx, connection);
    const lost = rules.domains.find((domain) => !taken.includes(domain));
    if (lost !== undefined) throw new Failure(ssoFailures.domain_taken, { domain: lost });
    await outbox.append(tx, ssoConnectionCreated, toChangedMessage(connection, author));
  });
  return connection;
}

async function toParty(deps: SsoDeps, entered: CreateConnectionInput["party"]): Promise<Party> {
  return entered.kind === "oidc" ? entered : toSamlParty(await readSamlSource(deps, entered));
}
