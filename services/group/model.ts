import {
  type GroupPermission,
  type GroupRole,
  greaterRole,
  manageGroupsPermission,
  permissionsByGroupRole,
} from "@lyss/contracts/access/group-roles.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import type { LoadedAggregate } from "@lyss/kit/event-sourcing/aggregate-store.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";

export type GroupId = `grp_${string}`;

export type { GroupPermission, GroupRole };

export type GroupStatus = "active" | "archived";

export const groupLimits = { maxMembers: 10_000, maxGroupsPerTenant: 1_000, maxDepth: 8 } as const;

/** On whose behalf something is done. */
export interface Actor {
  /** Empty for nobody in particular. */
  readonly userId: string;
  /** What is held in the tenant. */
  readonly permissions: readonly string[];
}

/** Somebody's place in a group. */
export interface Membership {
  readonly role: GroupRole;
  readonly addedBy: string;
  readonly addedAtMs: number;
}

/** A group as its events make it. JSON and nothing else: a snapshot is one. */
export interface GroupState {
  /** Empty for a group that does not exist. */
  readonly tenantId: string;
  readonly name: string;
  readonly description: string;
  readonly status: GroupStatus;
  readonly createdBy: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** By the last character of the user id and then by the id: a change copies a part of them, not 10,000. */
  readonly members: Readonly<Record<string, Readonly<Record<string, Membership>>>>;
  readonly memberCount: number;
  readonly ownerCount: number;
  /** Empty at the top. */
  readonly parentId: string;
  /** What its members hold in their tenant besides what their role there gives. */
  readonly permissions: readonly string[];
  /** The role of people who come into the tenant; empty when they do not become members. */
  readonly joinRole: GroupRole | "";
}

export type LoadedGroup = LoadedAggregate<GroupState>;

/** A group as lists show it. */
export interface Group {
  readonly groupId: string;
  readonly tenantId: string;
  readonly name: string;
  readonly description: string;
  readonly status: GroupStatus;
  readonly memberCount: number;
  readonly version: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** Empty at the top. */
  readonly parentId: string;
  readonly permissions: readonly string[];
  readonly joinRole: GroupRole | "";
}

/** Somebody in a group, and what that allows. */
export interface Member {
  readonly userId: string;
  readonly role: GroupRole;
  readonly permissions: readonly GroupPermission[];
  readonly addedBy: string;
  readonly addedAt: Date;
}

export function toGroup({ id: groupId, version, state }: LoadedGroup): Group {
  const { tenantId, name, description, status, memberCount, createdBy, parentId, permissions, joinRole } = state;
  const createdAt = new Date(state.createdAtMs);
  const updatedAt = new Date(state.updatedAtMs);
  const named = { groupId, tenantId, name, description, status, parentId, permissions, joinRole };
  return { ...named, memberCount, version, createdBy, createdAt, updatedAt };
}

export function toMember(userId: string, { role, addedBy, addedAtMs }: Membership): Member {
  return { userId, role, permissions: permissionsByGroupRole[role], addedBy, addedAt: new Date(addedAtMs) };
}

export function findMembership(state: GroupState, userId: string): Membership | undefined {
  const part = partOf(state, userId);
  return Object.hasOwn(part, userId) ? part[userId] : undefined;
}

/** Everybody in the group by user id, in no order. */
export function listMemberships({ members }: GroupState): readonly (readonly [string, Membership])[] {
  return Object.values(members).flatMap((part) => Object.entries(part));
}

/** The members with somebody's place in the group replaced, or taken away. */
export function withMembership(
  state: GroupState,
  userId: string,
  membership: Membership | undefined,
): GroupState["members"] {
  const { [userId]: _, ...others } = partOf(state, userId);
  return { ...state.members, [partKeyOf(userId)]: membership ? { ...others, [userId]: membership } : others };
}

function partOf({ members }: GroupState, userId: string): Readonly<Record<string, Membership>> {
  return members[partKeyOf(userId)] ?? {};
}

function partKeyOf(userId: string): string {
  return userId.slice(-1);
}

/**
 * What the actor may do in the group, of the role there and the one that groups above give (the greater one counts); undefined for
 * those who may not know of it.
 */
export function permissionsIn(
  state: GroupState,
  tenantId: string,
  actor: Actor,
  inherited?: GroupRole | undefined,
): readonly string[] | undefined {
  if (state.tenantId === "" || state.tenantId !== tenantId) return undefined;
  if (permits(actor.permissions, manageGroupsPermission)) return ["*"];
  const role = greaterRole(findMembership(state, actor.userId)?.role, inherited);
  return role && permissionsByGroupRole[role];
}

/** The form of a name by which two are the same. */
export function nameKeyOf(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

/** Bounds of what callers may enter. */
export const groupFields = {
  name: z
    .string()
    .trim()
    .min(1)
    .max(100)
    .transform((name) => name.normalize("NFC")),
  description: z.string().trim().max(1_000),
  role: z.enum(["owner", "admin", "member", "viewer"]),
  userId: z.string().min(1).max(64),
  parentId: z.string().min(1).max(64),
  permissions: z
    .array(
      z
        .string()
        .max(80)
        .regex(
          /^(\*|(\*|[a-z][a-z0-9_-]{0,31}):(\*|[a-z][a-z0-9_-]{0,31}))$/,
          inBothLanguages(
            "must be resource:action, where * stands for any",
            "必须是 resource:action 的形式，* 表示任意",
          ),
        )
        .refine(
          (permission) => !permission.startsWith("platform:"),
          inBothLanguages("is for operators and is not given to groups", "仅限平台运营者，不能授予群组"),
        ),
    )
    .max(64)
    .transform((permissions) => [...new Set(permissions)].sort()),
  joinRole: z.enum(["admin", "member", "viewer"]),
};
