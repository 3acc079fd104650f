import { roleNamePattern } from "@lyss/contracts/access/roles.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { z } from "zod";

export type UserId = `usr_${string}`;

/** A built-in role, or one that the tenant has made: what it may do is told by auth. */
export type Role = string;

export type UserStatus = "active" | "inactive" | "suspended";

/** Held by those who read the audit log of everybody in their tenant; others read their own. */
export const readAuditPermission = "user:audit";

/** Held by those who change people of their tenant; everybody changes their own name. */
export const updateUsersPermission = "user:update";

/** Held by those who see what everybody in their tenant may use; others see their own. */
export const readQuotasPermission = "billing:budget";

/** Services that hold something of a person and say, by `<service>.person.erased`, when they have forgotten it. */
export const erasingServices = ["ai-gateway", "audit", "auth", "group", "sso"] as const;

/** What one of them has said. */
export interface ErasedPart {
  readonly service: (typeof erasingServices)[number];
  readonly erasedAt: Date;
}

/** Whether a tenant would be nobody's without its last one: an owner, or an operator, who can do what owners can. */
export function isOwner(role: Role): boolean {
  return role === "owner" || role === "operator";
}

/** On whose behalf something is done to people. */
export interface Actor {
  readonly userId: string;
  /** Empty for a person who is signed in. A key is not its person: it does what its permissions say and no more. */
  readonly keyId: string;
  readonly permissions: readonly string[];
}

/** A person of one tenant. */
export interface User {
  readonly userId: UserId;
  readonly tenantId: string;
  /** As `normalizeEmail` writes it; unique over all tenants. */
  readonly email: string;
  readonly name: string;
  readonly role: Role;
  readonly status: UserStatus;
  /** Whether the person has shown that the address is theirs. */
  readonly isEmailVerified: boolean;
  /** 1, and one more for each change. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Somebody who registers or was invited. */
export interface Registration {
  readonly registrationId: string;
  readonly kind: "self" | "invitation";
  readonly userId: string;
  readonly email: string;
  /** Null for a tenant of one's own. */
  readonly tenantId: string | null;
  /** What that is called; empty for another's. */
  readonly organization: string;
  readonly role: Role;
  /** Empty until an invitation is accepted. */
  readonly name: string;
  readonly passwordHash: string | null;
  readonly locale: Locale;
  /** Empty for one who registers. */
  readonly invitedBy: string;
  readonly attempt: number;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly completedAt: Date | null;
}

/** The one way an e-mail address is stored and looked up. */
export function normalizeEmail(email: string): string {
  return email.trim().normalize("NFC").toLowerCase();
}

/** Bounds of what callers may enter. */
export const userFields = {
  email: z.string().max(254).transform(normalizeEmail).pipe(z.email()),
  name: z.string().trim().min(1).max(100),
  /** Whether there is one of that name, auth says. */
  role: z
    .string()
    .regex(
      roleNamePattern,
      inBothLanguages(
        "must be the name of a role: owner, admin, member, viewer or one that the tenant has made",
        "必须是角色名称：owner、admin、member、viewer 或租户自定义的角色",
      ),
    ),
  status: z.enum(["active", "inactive", "suspended"]),
  /** Wide, so that a wrong password is told as such; what a new one must be is in `password.ts`. */
  password: z
    .string()
    .min(1)
    .max(1_000)
    .transform((text) => new Secret(text))
    .meta({ writeOnly: true }),
  /** For looking up only: whatever is typed is either an account's or not. */
  typedEmail: z.string().min(1).max(254).transform(normalizeEmail),
};
