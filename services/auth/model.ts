import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { type KeyLimits, keyLimitFields } from "./key-limits.ts";

export type KeyId = `key_${string}`;

/** An API key, without its secret. */
export interface Key {
  readonly keyId: KeyId;
  readonly tenantId: string;
  /** The person it acts for. */
  readonly userId: string;
  readonly name: string;
  readonly description: string;
  /** Enough of the current secret to tell keys apart. */
  readonly prefix: string;
  readonly permissions: readonly string[];
  /** Empty for all. */
  readonly models: readonly string[];
  readonly limits: KeyLimits;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly createdBy: string;
  readonly expiresAt: Date | null;
  readonly lastUsedAt: Date | null;
  readonly revokedAt: Date | null;
}

export const keyStatuses = ["active", "revoked", "expired"] as const;
export type KeyStatus = (typeof keyStatuses)[number];

/** What the one who asks holds: a key never gets more. */
export interface Grantor {
  readonly userId: string;
  /** Of the API key by which it asks; empty or left out for none. */
  readonly keyId?: string;
  readonly permissions: readonly string[];
  /** Empty for all. */
  readonly models: readonly string[];
}

/** Who changes a key, as audit logs name them. */
export interface Author {
  /** Empty for the platform itself. */
  readonly userId: string;
  /** Where the connection came from; empty when that is not known. */
  readonly clientAddress: string;
}

/** What a key may do when nothing else is asked for. */
export const defaultKeyPermissions: readonly string[] = ["model:call", "model:list", "billing:read"];

/** Held by those who reach every key of their tenant; others reach the keys that act for them. */
export const manageKeysPermission = "key:manage";

/** Held by those who reach the sessions of everybody in their tenant; others reach their own. */
export const manageSessionsPermission = "session:manage";

/** Whether a key is good at that time. Revoked counts before expired. */
export function keyStatus({ revokedAt, expiresAt }: Pick<Key, "revokedAt" | "expiresAt">, nowMs: number): KeyStatus {
  if (revokedAt) return "revoked";
  return expiresAt && expiresAt.getTime() <= nowMs ? "expired" : "active";
}

/** A permission that the grantor lacks, or undefined when all are held. */
export function findPermissionNotHeld(grantor: Grantor, wanted: readonly string[]): string | undefined {
  return wanted.find((permission) => !permits(grantor.permissions, permission));
}

/** A model that the grantor may not use, `*` when all are wanted by one who is limited, or undefined. */
export function findModelNotHeld(grantor: Grantor, wanted: readonly string[]): string | undefined {
  if (grantor.models.length === 0) return undefined;
  return wanted.length === 0 ? "*" : wanted.find((model) => !grantor.models.includes(model));
}

/** The earlier of two times, where null never comes. */
export function earlier(a: Date | null, b: Date | null): Date | null {
  if (!a || !b) return a ?? b;
  return a < b ? a : b;
}

const word = "[a-z][a-z0-9_-]{0,31}";
const permissionSchema = z
  .string()
  .max(80)
  .regex(
    new RegExp(`^(\\*|(\\*|${word}):(\\*|${word}))$`),
    inBothLanguages("must be resource:action, where * stands for any", "必须是 resource:action 的形式，* 表示任意"),
  );

/** Bounds of what callers may enter. */
export const keyFields = {
  name: z.string().trim().min(1).max(100),
  description: z.string().trim().max(500),
  permissions: z.array(permissionSchema).max(64),
  models: z.array(z.string().min(1).max(200)).max(200),
  graceSeconds: z.int().min(0).max(86_400),
  ...keyLimitFields,
};
