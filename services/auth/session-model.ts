import { permissionsByRole, permissionsOfRole } from "@lyss/contracts/access/roles.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";

import type { HeldLimit } from "./limits/subject-limits.ts";

export type SessionId = `ses_${string}`;

export type SessionEnd = "signed_out" | "revoked" | "reuse" | "credential_changed" | "barred" | "too_many";

/** Why sessions end, and through whom. */
export interface SessionEnding {
  readonly reason: SessionEnd;
  /** Empty for the platform itself. */
  readonly actorId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/** A person who signed in once, and is signed in until this ends. */
export interface Session {
  readonly sessionId: SessionId;
  readonly tenantId: string;
  readonly userId: string;
  /** How the person was recognised (RFC 8176). */
  readonly methods: readonly string[];
  readonly clientAddress: string;
  readonly userAgent: string;
  readonly createdAt: Date;
  /** When a second factor was last shown. */
  readonly factorAt: Date | null;
  /**
   * When the person last proved to be that person by the strongest means that they have; null when they have got stronger ones
   * since.
   */
  readonly provenAt: Date | null;
  /** Up to a minute old. */
  readonly lastSeenAt: Date;
  readonly expiresAt: Date;
  readonly endedAt: Date | null;
  /** The service client whose token it is, which is `userId` then, too; null for a person's. */
  readonly clientId: string | null;
  /** What a client's token was asked for; null for all that the client holds. */
  readonly scope: readonly string[] | null;
  /** The operator who acts in the person's name, in which of the operator's own sessions, and why; null and empty otherwise. */
  readonly operatorId: string | null;
  readonly operatorSessionId: string | null;
  readonly reason: string;
}

/** Of a session in which a person acts in their own name, without a scope. */
export const ownSession = {
  ...{ clientId: null, scope: null, operatorId: null, operatorSessionId: null, reason: "" },
} as const;

/** What auth was told of a person, or of a tenant as a whole. */
export interface Principal {
  readonly tenantId: string;
  /** Empty for the tenant as a whole. */
  readonly userId: string;
  readonly role: string;
  readonly isBarred: boolean;
  /** Grows with every change. */
  readonly version: bigint;
}

/** A session with what is known of its person and tenant now. */
export type LiveSession = Session & {
  /** Null when auth was never told of the person. */
  readonly role: string | null;
  /** What the tenant has given that role; null for a built-in one, and for one that there is not. */
  readonly rolePermissions: readonly string[] | null;
  readonly isBarred: boolean;
  /** What the groups that the person is in give in the tenant. */
  readonly groupPermissions: readonly string[];
  /** What holds the person in calls of models: limits of the person, and of the person's groups. */
  readonly heldLimits: readonly HeldLimit[];
  /** Whether the tenant wants a second factor of everybody. */
  readonly isFactorWanted: boolean;
  /** Of a client's token, whose role, groups and bars above are those of who gave it its permissions. */
  readonly client: LiveClient | null;
  /** Whether the person has one. */
  readonly hasFactor: boolean;
  /** Of a session in which an operator acts; null also where the operator's own session is gone. */
  readonly operator: LiveOperator | null;
};

/** An operator, as far as what is done in others' names goes by that. */
export interface LiveOperator {
  readonly role: string;
  /** Whether the operator or their tenant is barred, or the session in which they asked has ended. */
  readonly isOut: boolean;
  readonly sessionExpiresAtMs: number;
}

/** A service client as far as its tokens go by it. */
export interface LiveClient {
  readonly permissions: readonly string[];
  readonly models: readonly string[];
  readonly allowedIps: readonly string[];
  readonly isDisabled: boolean;
  /** Null for never. */
  readonly expiresAtMs: number | null;
}

/** What a session may do now. */
export type SessionVerdict =
  | { readonly isActive: false }
  | {
      readonly isActive: true;
      readonly session: Session;
      /** Empty for a service client. */
      readonly role: string;
      readonly permissions: readonly string[];
      readonly client: LiveClient | null;
      readonly hasFactor: boolean;
      readonly heldLimits: readonly HeldLimit[];
    };

/** Held by those who may act in a person's name. */
export const impersonatePermission = "platform:impersonate";

/** How long at most. */
export const maxImpersonationMs = 900_000;

/** Whether a permission is one of those who operate the installation. */
export function isOfPlatform(permission: string): boolean {
  return permission.startsWith("platform:");
}

/** Every means by which a person proves more than a password or another's word (RFC 8176). */
const secondFactors: ReadonlySet<string> = new Set(["otp", "hwk", "swk", "mfa"]);

export function hasSecondFactor(methods: readonly string[]): boolean {
  return methods.some((method) => secondFactors.has(method));
}

/** What is covered by both lists. */
export function permissionsOfBoth(some: readonly string[], others: readonly string[]): readonly string[] {
  const covered = some.filter((permission) => permits(others, permission));
  const covering = others.filter((permission) => permits(some, permission));
  return [...new Set([...covered, ...covering])];
}

/** What was given to a key or client, and what who gave it holds now. */
export interface GivenPermissions {
  readonly permissions: readonly string[];
  /** Null when auth was never told of one. */
  readonly role: string | null;
  /** What the tenant has given that role; null for a built-in one, and for one that there is not. */
  readonly rolePermissions: readonly string[] | null;
  readonly groupPermissions: readonly string[];
}

/** What was given, as far as who gave it holds it still, and within the scope unless that is null. */
export function permissionsNow(
  { permissions, role, rolePermissions, groupPermissions }: GivenPermissions,
  scope: readonly string[] | null,
): readonly string[] {
  const ofRole = role === null ? undefined : (permissionsOfRole(role, rolePermissions) ?? []);
  const held = ofRole ? permissionsOfBoth(permissions, [...ofRole, ...groupPermissions]) : permissions;
  return scope ? permissionsOfBoth(scope, held) : held;
}

/** Who has to get a second factor first may do that, and nothing else. */
const untilEnrolled: readonly string[] = ["factor:manage"];

/**
 * What role and groups give a session; only the way to a second factor where the tenant wants one of everybody and this session has
 * shown none. A sign-on provider's word stands in for one: what it asks for is between it and the tenant.
 */
export function permissionsIn(
  { methods, factorAt }: Pick<Session, "methods" | "factorAt">,
  { ofRole, given, isFactorWanted }: PermissionSources,
): readonly string[] {
  if (isFactorWanted && factorAt === null && !methods.includes("fed")) return untilEnrolled;
  return [...ofRole, ...given];
}

export interface PermissionSources {
  readonly ofRole: readonly string[];
  /** By groups, in the tenant. */
  readonly given: readonly string[];
  readonly isFactorWanted: boolean;
}

/** Whether a session may still do anything at that time, and what. */
export function judgeSession(live: LiveSession | undefined, nowMs: number): SessionVerdict {
  if (!live || live.endedAt || live.isBarred || live.expiresAt.getTime() <= nowMs) return { isActive: false };
  if (live.operatorId !== null && !mayImpersonate(live.operator, nowMs)) return { isActive: false };
  const { role, client } = live;
  if (client) return judgeClient(live, client, nowMs);
  const ofRole = role === null ? undefined : permissionsOfRole(role, live.rolePermissions);
  if (role === null || !ofRole) return { isActive: false };
  const { groupPermissions: given, hasFactor } = live;
  // The operator has proven who they are; what the tenant asks of its people is not asked of them.
  const isFactorWanted = live.isFactorWanted && live.operatorId === null;
  const permissions = permissionsIn(live, { ofRole, given, isFactorWanted });
  if (live.operatorId !== null && permissions.some(isOfPlatform)) return { isActive: false };
  return { isActive: true, session: live, role, permissions, client, hasFactor, heldLimits: live.heldLimits };
}

function mayImpersonate(operator: LiveOperator | null, nowMs: number): boolean {
  if (!operator || operator.isOut || operator.sessionExpiresAtMs <= nowMs) return false;
  // What concerns the platform no tenant gives.
  return permits(permissionsByRole[operator.role] ?? [], impersonatePermission);
}

function judgeClient(live: LiveSession, client: LiveClient, nowMs: number): SessionVerdict {
  if (client.isDisabled || (client.expiresAtMs !== null && client.expiresAtMs <= nowMs)) return { isActive: false };
  const { role, rolePermissions, groupPermissions, scope } = live;
  const given = { permissions: client.permissions, role, rolePermissions, groupPermissions };
  const permissions = permissionsNow(given, scope);
  return {
    isActive: true,
    session: live,
    role: "",
    permissions,
    client,
    hasFactor: false,
    heldLimits: live.heldLimits,
  };
}

/** What a refresh token that is shown is good for. */
export type RefreshCase = "first" | "repeat" | "reuse" | "expired";

/** A refresh token as it is kept. */
export interface StoredRefreshToken {
  readonly tokenHash: Buffer;
  readonly sessionId: SessionId;
  readonly expiresAt: Date;
  readonly usedAt: Date | null;
  readonly answeredAt: Date | null;
  readonly sealedSuccessor: Buffer | null;
}

/**
 * How long a token whose answer may never have left is answered again: longer than a database takes to come back. Its
 * successor, once used, ends that.
 */
export const unansweredGraceMs = 600_000;

/** Tells first use, a repeat by who lost the answer, and the use of a copy apart (RFC 9700, 4.14.2). */
export function judgeRefresh(token: StoredRefreshToken, nowMs: number, graceMs: number): RefreshCase {
  const { usedAt, answeredAt, expiresAt, sealedSuccessor } = token;
  if (!usedAt) return expiresAt.getTime() > nowMs ? "first" : "expired";
  const endOfGraceMs = answeredAt ? answeredAt.getTime() + graceMs : usedAt.getTime() + unansweredGraceMs;
  return sealedSuccessor && nowMs < endOfGraceMs ? "repeat" : "reuse";
}

/** Bounds of what is told of a session. */
export const sessionBounds = {
  maxMethods: 8,
  maxMethodLength: 32,
  maxUserAgentLength: 300,
  maxAddressLength: 64,
} as const;
