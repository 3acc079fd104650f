import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";

type Router = Parameters<Parameters<typeof createRouterTransport>[0]>[0];

/** For tests of what asks these services little or nothing: clients that know what is served here and how a tenant is called, that it has made no roles, and nothing else. */
export function peersThatServe(serve: (router: Router) => void = () => {}) {
  const transport = createRouterTransport((router) => {
    router.rpc(TenantService.method.getTenant, ({ tenantId }) => ({ tenant: { tenantId, name: "Acme" } }));
    router.rpc(AuthService.method.listRoles, () => ({ roles: [] }));
    serve(router);
  });
  return {
    auth: createClient(AuthService, transport),
    billing: createClient(BillingService, transport),
    group: createClient(GroupService, transport),
    tenant: createClient(TenantService, transport),
  };
}
