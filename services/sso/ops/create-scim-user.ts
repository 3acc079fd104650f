import { ssoScimUserCreated } from "@lyss/contracts/events/sso.ts";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { scimNameOf } from "../admit-person.ts";
import type { SsoDeps } from "../deps.ts";
import { domainOf, isPlainEmail } from "../model.ts";
import { displayNameOf, emailOf, scimLimits, toUserDocument, type UserDocument } from "../scim/attributes.ts";
import { followPerson } from "../scim/follow-person.ts";
import { toResourceMessage } from "../scim/messages.ts";
import type { ScimCaller, ScimUser } from "../scim/model.ts";
import type { BegunUser } from "../scim/user-store.ts";

export interface CreateScimUserInput {
  readonly caller: ScimCaller;
  readonly sent: Readonly<Record<string, unknown>>;
}

/**
 * A new person of the connection. Nobody who exists is taken for them, by whatever name or address. Throws `scim_taken` for a name
 * or an address that somebody has, `scim_too_many` and `kit.invalid_request`. A create that was broken off is
 * finished by its repeat.
 */
export async function createScimUser(deps: SsoDeps, { caller, sent }: CreateScimUserInput): Promise<ScimUser> {
  const { db, scimUsers, outbox, user, clock } = deps;
  const { connection, clientAddress } = caller;
  const { connectionId, tenantId, rules } = connection;
  const document = toUserDocument(sent);
  const email = requireEmail(document, rules.allowedDomains);
  const begun = await begin(deps, caller, document, email);
  const { user: person } = await user
    .ensureFederatedUser({
      ...{ tenantId, connectionId: scimNameOf(connectionId), subject: begun.resourceId, email, clientAddress },
      ...{ name: displayNameOf(document), role: rules.defaultRole ?? "", mayCreate: true },
    })
    .catch(async (cause: unknown) => {
      if (!isFailure(cause, userFailures.federation_refused)) throw cause;
      await db.transaction((tx) => scimUsers.deleteBegun(tx, begun.resourceId));
      throw taken("emails", cause);
    });
  // Begun before with another address, and broken off.
  if (!person || person.email !== email) throw taken("userName");
  const created: ScimUser = { ...begun, userId: person.userId, isDue: true };
  await db.transaction(async (tx) => {
    if (!(await scimUsers.finishCreate(tx, created))) throw taken("userName");
    await outbox.append(tx, ssoScimUserCreated, toResourceMessage(created, caller, new Date(clock.nowMs())));
  });
  await followPerson(deps, connection, created.resourceId);
  return created;
}

/** The address of whom is created. Throws `kit.invalid_request` for one that could be mistaken, or is of a domain not allowed. */
export function requireEmail(document: UserDocument, allowedDomains: readonly string[]): string {
  const email = emailOf(document);
  const domains = allowedDomains.join(", ");
  if (!isPlainEmail(email)) {
    throw new Failure(kitFailures.invalid_request, {
      ...{ field: "emails", reason: "must name one address in plain ASCII, or userName must be one" },
      reason_zh_CN: "必须包含一个纯 ASCII 的邮箱地址，或 userName 本身为邮箱地址",
    });
  }
  if (allowedDomains.length > 0 && !allowedDomains.includes(domainOf(email))) {
    throw new Failure(kitFailures.invalid_request, {
      ...{ field: "emails", reason: `must be of a domain that the connection allows: ${domains}` },
      reason_zh_CN: `必须属于此连接允许的域名：${domains}`,
    });
  }
  return email;
}

/** Notes that the person is to come, so that a repeat finds what was broken off. */
async function begin(
  { db, scimUsers, clock, random }: SsoDeps,
  { connection: { connectionId, tenantId } }: ScimCaller,
  document: UserDocument,
  email: string,
): Promise<BegunUser> {
  const { userName, externalId, active, ...attributes } = document;
  const now = new Date(clock.nowMs());
  return db.transaction(async (tx) => {
    await scimUsers.lockNames(tx, tenantId);
    const known = await scimUsers.findByName(tx, tenantId, userName);
    if (known && (known.userId !== null || known.connectionId !== connectionId)) throw taken("userName");
    const row: BegunUser = {
      ...{ resourceId: known?.resourceId ?? random.id("scu"), connectionId, tenantId, userId: null, userName, email },
      ...{ externalId: externalId ?? "", isActive: active ?? true, attributes, version: 1, isDue: false },
      ...{ createdAt: now, updatedAt: now },
    };
    if (known) return row;
    const limit = scimLimits.usersPerConnection;
    if ((await scimUsers.countUsers(tx, connectionId)) >= limit) {
      throw new Failure(ssoFailures.scim_too_many, { field: "Users", limit });
    }
    await scimUsers.insertUser(tx, row);
    return row;
  });
}

function taken(field: string, cause?: unknown): Failure {
  return new Failure(ssoFailures.scim_taken, { field }, { cause });
}
