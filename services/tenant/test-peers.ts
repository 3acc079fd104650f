import { createClient, createRouterTransport } from "@connectrpc/connect";
import { AuthService, type SetPrincipalRequest } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";

/** For tests: an auth that takes in what it is told of tenants, or does as it is given, and nothing else. */
export function peersThatHear(setPrincipal: (request: SetPrincipalRequest) => void = () => {}) {
  const transport = createRouterTransport(({ rpc }) =>
    rpc(AuthService.method.setPrincipal, (request) => {
      setPrincipal(request);
      return { isApplied: true };
    }),
  );
  return { auth: createClient(AuthService, transport) };
}
