import type { ServiceImpl } from "@connectrpc/connect";
import type { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { toTenantMessage } from "./messages.ts";
import { newTenantSchema } from "./model.ts";
import type { TenantOps } from "./ops.ts";

/** TenantService on the operations. */
export function createTenantRpc(ops: TenantOps): ServiceImpl<typeof TenantService> {
  return {
    async createTenant(request) {
      const { tenant, isNew } = await ops.createTenant(parseInput(newTenantSchema, request));
      return { tenant: toTenantMessage(tenant), isNew };
    },
    getTenant: async (request) => ({ tenant: toTenantMessage(await ops.getTenant(request)) }),
    getTenantBySlug: async (request) => ({ tenant: toTenantMessage(await ops.getTenantBySlug(request)) }),
    activateTenant: async (request) => ({ tenant: toTenantMessage(await ops.activateTenant(request)) }),
    async listTenants(request) {
      const page = await ops.listTenants(fromPageRequest(request));
      return { tenants: page.rows.map(toTenantMessage), nextCursor: page.nextCursor ?? "" };
    },
  };
}
