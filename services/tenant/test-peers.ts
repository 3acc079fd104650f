import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AuthService, type SetPrincipalRequest } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";

/** For tests: an auth that takes in what it is told of tenants, or does as it is given, and whose tenants have made two roles. */
export function peersThatHear(setPrincipal: (request: SetPrincipalRequest) => void = () => {}) {
  const transport = createRouterTransport(({ rpc }) => {
    rpc(AuthService.method.setPrincipal, (request) => {
      setPrincipal(request);
      return { isApplied: true };
    });
    rpc(AuthService.method.listRoles, ({ tenantId }) => ({
      roles: [
        { tenantId, name: "caller", permissions: ["model:call"] },
        { tenantId, name: "payer", permissions: ["billing:top_up"] },
      ],
    }));
  });
  return { auth: createClient(AuthService, transport) };
}
