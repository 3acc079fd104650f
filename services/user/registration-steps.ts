import { userAudit, userCreated } from "@lyss/contracts/events/user.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { SessionEndReason, type StartSessionResponse } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { seal } from "@lyss/kit/crypto/seal.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { UserDeps } from "./deps.ts";
import { toUserMessage } from "./messages.ts";
import { requirePasswordAllowed, type SignedIn } from "./ops/sign-in.ts";
import { tellPrincipal } from "./tell-principal.ts";

/** What a registration is run with. */
export interface RegisterPersonInput {
  readonly registrationId: string;
  /** Which try this is, from 1. */
  readonly attempt: number;
  readonly userId: string;
  /** Null for a tenant of one's own. */
  readonly tenantId: string | null;
  readonly organization: string;
  /** Of the tenant of one's own; empty for another's. */
  readonly slug: string;
  readonly role: string;
  readonly clientAddress: string;
  readonly userAgent: string;
}

/** The steps of a registration. Each may happen again: it knows its own traces by the ids that were drawn beforehand. */
export function createRegistrationSteps(deps: UserDeps) {
  const { db, people, registrations, tenants, groups, billing, auth, outbox, audit, clock, random } = deps;
  const isOwn = ({ tenantId }: RegisterPersonInput) => tenantId === null;

  return {
    /** The tenant that is joined, or a new one that nobody can use yet; gives its id. */
    async createTenant({ tenantId, organization, slug }: RegisterPersonInput): Promise<string> {
      if (tenantId !== null) return tenantId;
      const { tenant } = await tenants.createTenant({ name: organization, slug, plan: deps.newTenantPlan });
      return tenant?.tenantId ?? "";
    },

    async discardTenant(input: RegisterPersonInput): Promise<void> {
      if (isOwn(input)) await tenants.discardTenant({ slug: input.slug });
    },

    /** Throws `email_taken`, `token_invalid`, and `sign_on_required` where people of the domain sign in elsewhere. */
    async insertPerson({ registrationId, attempt }: RegisterPersonInput, tenantId: string): Promise<void> {
      const isFree = await db.transaction(async (tx) => {
        const found = await registrations.lockAttempt(tx, registrationId, attempt);
        if (!found || found.passwordHash === null) throw new Failure(userFailures.token_invalid);
        await requirePasswordAllowed(deps, { ...found, tenantId });
        return registrations.insertPending(tx, found, tenantId, new Date(clock.nowMs()));
      });
      if (!isFree) throw new Failure(userFailures.email_taken);
    },

    /** Gives the try up as well: an insert of it that is still under way finds that out, or is waited for. */
    async removePerson({ registrationId, attempt, userId }: RegisterPersonInput): Promise<void> {
      await db.transaction(async (tx) => {
        await registrations.nextAttempt(tx, registrationId, attempt);
        await registrations.deletePending(tx, userId);
      });
    },

    async admitPerson({ userId }: RegisterPersonInput, tenantId: string): Promise<void> {
      await groups.admitPerson({ userId, tenantId });
    },

    async dismissPerson({ userId }: RegisterPersonInput, tenantId: string): Promise<void> {
      await groups.dismissPerson({ userId, tenantId });
    },

    /** A tenant has one wallet: those who join have theirs already. */
    async openWallet(input: RegisterPersonInput, tenantId: string): Promise<void> {
      if (isOwn(input)) await billing.createWallet({ tenantId });
    },

    /** Tokens, or what a second factor is shown with; sealed: what a run remembers is read by whoever looks into runs. */
    async startSession(input: RegisterPersonInput, tenantId: string): Promise<{ readonly sealed: string }> {
      const { registrationId, userId, role, clientAddress, userAgent } = input;
      // One from before that nobody was given.
      await this.endSessions(input, tenantId);
      const named = { userId, tenantId, role, clientAddress, userAgent };
      const { result } = await auth.startSession({ ...named, methods: ["pwd"] });
      const text = JSON.stringify(toStarted(result));
      return { sealed: seal(random, deps.registrationKey, Buffer.from(text), registrationId).toString("base64url") };
    },

    async endSessions({ userId, clientAddress }: RegisterPersonInput, tenantId: string): Promise<void> {
      const reason = SessionEndReason.REVOKED;
      await auth.endSessions({ tenantId, userId, reason, actorId: "", clientAddress });
    },

    async activateTenant(input: RegisterPersonInput, tenantId: string): Promise<void> {
      if (isOwn(input)) await tenants.activateTenant({ tenantId });
    },

    /** The person counts, and everybody hears of it. */
    async activatePerson(input: RegisterPersonInput, tenantId: string): Promise<void> {
      const { registrationId, userId, clientAddress } = input;
      const now = new Date(clock.nowMs());
      const person = await db.transaction(async (tx) => {
        if (!(await registrations.complete(tx, registrationId, now))) return undefined;
        await registrations.activatePending(tx, userId);
        const added = await people.readUser(tx, userId);
        if (!added) return undefined;
        await outbox.append(tx, userCreated, toUserMessage(added));
        await audit.append(tx, { event: userAudit.created, userId, tenantId, actorId: userId, clientAddress });
        return added;
      });
      if (person) await tellPrincipal(deps, person);
    },
  };
}

/** How the first sign-in ends: with tokens, or with a challenge where the tenant wants a second factor of the person. */
export type StartedSession =
  | { readonly tokens: Omit<SignedIn, "userId"> }
  | { readonly challenge: { challengeToken: string; expiresInSeconds: number; factors: string[] } };

function toStarted(result: StartSessionResponse["result"]): StartedSession {
  if (result.case === "factorRequired") {
    const { challengeToken, expiresInSeconds, factors } = result.value;
    return { challenge: { challengeToken, expiresInSeconds, factors } };
  }
  if (result.case !== "tokens") throw new Error("auth gives neither tokens nor a challenge");
  const { accessToken, expiresInSeconds, refreshToken, refreshExpiresInSeconds, sessionId } = result.value;
  return { tokens: { accessToken, expiresInSeconds, refreshToken, refreshExpiresInSeconds, sessionId } };
}

export type RegistrationSteps = ReturnType<typeof createRegistrationSteps>;
