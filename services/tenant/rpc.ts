import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { toDomainMessage, toPolicyMessage, toTenantMessage } from "./messages.ts";
import { newTenantSchema, platformActor, tenantFields } from "./model.ts";
import type { TenantOps } from "./ops.ts";

/** A service acts for the platform: on whose behalf, it says. */
const actor = z
  .object({ userId: z.string().max(64), clientAddress: z.string().max(64) })
  .optional()
  .transform((given) => platformActor(given));
const reference = { tenantId: idInput };
const inputs = {
  createTenant: newTenantSchema.shape,
  getTenant: reference,
  getTenantBySlug: { slug: z.string().min(1).max(63) },
  activateTenant: reference,
  discardTenant: { slug: z.string().min(1).max(63) },
  listTenants: pageInputs,
  countTenants: {},
  suspendTenant: { ...reference, reason: tenantFields.reason, actor },
  reactivateTenant: { ...reference, actor },
  listDomains: reference,
  findDomain: { domain: tenantFields.domain },
  getDataPolicy: reference,
} satisfies MethodInputs<typeof TenantService>;

/** TenantService on the operations. */
export function createTenantRpc(ops: TenantOps): CheckedRpc<typeof TenantService> {
  const within = ({ tenantId }: { readonly tenantId: string }) => ({ tenantId, actor: platformActor() });
  return createRpc(TenantService, inputs, {
    async createTenant(request) {
      const { tenant, isNew } = await ops.createTenant(request);
      return { tenant: toTenantMessage(tenant), isNew };
    },
    getTenant: async (request) => ({ tenant: toTenantMessage(await ops.getTenant(within(request))) }),
    getTenantBySlug: async (request) => ({ tenant: toTenantMessage(await ops.getTenantBySlug(request)) }),
    activateTenant: async (request) => ({ tenant: toTenantMessage(await ops.activateTenant(request)) }),
    async discardTenant(request) {
      await ops.discardTenant(request);
      return {};
    },
    async listTenants(request) {
      const page = await ops.listTenants(fromPageRequest(request));
      return { tenants: page.rows.map(toTenantMessage), nextCursor: page.nextCursor ?? "" };
    },
    async countTenants() {
      const { provisioning, active, suspended } = await ops.countTenants();
      return { provisioning: BigInt(provisioning), active: BigInt(active), suspended: BigInt(suspended) };
    },
    suspendTenant: async (request) => ({ tenant: toTenantMessage(await ops.suspendTenant(request)) }),
    reactivateTenant: async (request) => ({ tenant: toTenantMessage(await ops.reactivateTenant(request)) }),
    listDomains: async (request) => ({ domains: (await ops.listDomains(within(request))).map(toDomainMessage) }),
    async findDomain(request) {
      const found = await ops.findDomain(request);
      return found ? { domain: toDomainMessage(found) } : {};
    },
    getDataPolicy: async (request) => ({ policy: toPolicyMessage(await ops.getDataPolicy(within(request))) }),
  });
}
