import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

export type TenantId = `ten_${string}`;

/** `provisioning` until its people, wallet and permissions are set up. */
export type TenantStatus = "provisioning" | "active" | "suspended";

/** An organisation. */
export interface Tenant {
  readonly tenantId: TenantId;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  readonly status: TenantStatus;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** Bounds of what callers may enter. A slug is a DNS label, so that it can become a host name. */
export const newTenantSchema = z.object({
  name: z.string().trim().min(1).max(100),
  slug: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/,
      inBothLanguages(
        "must be 2 to 63 characters of a-z, 0-9 and inner dashes",
        "必须是 2 到 63 个字符：a-z、0-9，中间可用连字符",
      ),
    ),
  plan: z
    .string()
    .regex(
      /^[a-z0-9-]{1,32}$/,
      inBothLanguages("must be 1 to 32 characters of a-z, 0-9 and dashes", "必须是 1 到 32 个字符：a-z、0-9 和连字符"),
    ),
});
