import { isTenantPermission } from "@lyss/contracts/access/permissions.ts";
import { roleNamePattern } from "@lyss/contracts/access/roles.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import type { Author } from "../model.ts";

/** A role that a tenant has made. */
export interface Role {
  readonly tenantId: string;
  /** Never a built-in role's. */
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Each one that there is, or `resource:*`; never of the platform. */
  readonly permissions: readonly string[];
  /** 1, and one more for each change; the ETag. */
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Roles that a setting gives which another service keeps. */
export interface RoleUse {
  readonly tenantId: string;
  /** `tenant` for the tenant's default, else the id of a sign-on connection. */
  readonly usedBy: string;
  readonly roles: readonly string[];
  readonly version: bigint;
}

/** Who asks for roles or changes them. */
export interface RoleAuthor extends Author {
  readonly tenantId: string;
  readonly permissions: readonly string[];
}

export const maxRolesPerTenant = 100;

/** Held by those who make roles; what a role holds they hold as well. */
export const manageRolesPermission = "role:manage";

/** Bounds of what callers may enter. */
export const roleFields = {
  name: z
    .string()
    .regex(
      roleNamePattern,
      inBothLanguages(
        "must be 2 to 32 characters of a-z, 0-9 and inner dashes, a letter first",
        "必须是 2 到 32 个字符：a-z、0-9，中间可用连字符，且以字母开头",
      ),
    ),
  title: z.string().trim().min(1).max(100),
  description: z.string().trim().max(500),
  permissions: z
    .array(
      z
        .string()
        .max(80)
        .refine(
          isTenantPermission,
          inBothLanguages(
            "must be a permission that a tenant can give, or resource:*; GET /api/v1/permissions lists them",
            "必须是租户可授予的权限或 resource:*，可通过 GET /api/v1/permissions 查看",
          ),
        ),
    )
    .min(1)
    .max(100)
    .transform((permissions) => [...new Set(permissions)].sort()),
};
