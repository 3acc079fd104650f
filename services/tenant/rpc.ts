import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { toTenantMessage } from "./messages.ts";
import { newTenantSchema } from "./model.ts";
import type { TenantOps } from "./ops.ts";

const inputs = {
  createTenant: newTenantSchema.shape,
  getTenant: { tenantId: idInput },
  getTenantBySlug: { slug: z.string().min(1).max(63) },
  activateTenant: { tenantId: idInput },
  listTenants: pageInputs,
} satisfies MethodInputs<typeof TenantService>;

/** TenantService on the operations. */
export function createTenantRpc(ops: TenantOps): CheckedRpc<typeof TenantService> {
  return createRpc(TenantService, inputs, {
    async createTenant(request) {
      const { tenant, isNew } = await ops.createTenant(request);
      return { tenant: toTenantMessage(tenant), isNew };
    },
    getTenant: async (request) => ({ tenant: toTenantMessage(await ops.getTenant(request)) }),
    getTenantBySlug: async (request) => ({ tenant: toTenantMessage(await ops.getTenantBySlug(request)) }),
    activateTenant: async (request) => ({ tenant: toTenantMessage(await ops.activateTenant(request)) }),
    async listTenants(request) {
      const page = await ops.listTenants(fromPageRequest(request));
      return { tenants: page.rows.map(toTenantMessage), nextCursor: page.nextCursor ?? "" };
    },
  });
}
