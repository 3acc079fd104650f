import { Code, ConnectError } from "@connectrpc/connect";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { peersThatServe } from "./test-peers.ts";

/** What the others hold, as they do: by names, so that a repeat changes nothing. `refuses` names the call that fails. */
export const world = {
  tenants: new Map<string, { tenantId: string; isActive: boolean }>(),
  admitted: new Set<string>(),
  wallets: new Set<string>(),
  sessions: new Map<string, number>(),
  refuses: "",
  /** Whether auth wants a second factor. */
  wantsFactor: false,
  /** Of each tenant's settings. */
  defaultRole: "member",
  /** That each tenant has made. */
  roles: new Map<string, readonly string[]>(),
};
function act<T>(name: string, work: () => T): T {
  if (world.refuses === name) throw new ConnectError(`${name} is away`, Code.Unavailable);
  return work();
}
export const peersThatRegister = peersThatServe(({ rpc }) => {
  rpc(TenantService.method.createTenant, ({ slug }) =>
    act("createTenant", () => {
      const tenant = world.tenants.get(slug) ?? { tenantId: `ten_${slug}`, isActive: false };
      world.tenants.set(slug, tenant);
      return { tenant };
    }),
  );
  rpc(TenantService.method.discardTenant, ({ slug }) => {
    const { tenantId = "" } = world.tenants.get(slug) ?? {};
    world.tenants.delete(slug);
    // As billing does when it hears of it.
    world.wallets.delete(tenantId);
    return {};
  });
  rpc(TenantService.method.activateTenant, ({ tenantId }) => {
    for (const tenant of world.tenants.values()) if (tenant.tenantId === tenantId) tenant.isActive = true;
    return {};
  });
  rpc(TenantService.method.getTenant, ({ tenantId }) => ({
    tenant: { tenantId, name: "Acme", settings: { defaultRole: world.defaultRole } },
  }));
  rpc(TenantService.method.findDomain, ({ domain }) =>
    domain === "acme.test" ? { domain: { tenantId: "ten_acme", domain, isVerified: true } } : {},
  );
  rpc(GroupService.method.admitPerson, ({ userId }) =>
    act("admitPerson", () => ({ ...(world.admitted.add(userId) && {}) })),
  );
  rpc(GroupService.method.dismissPerson, ({ userId }) => ({ ...(world.admitted.delete(userId) && {}) }));
  rpc(BillingService.method.createWallet, ({ tenantId }) =>
    act("createWallet", () => ({ ...(world.wallets.add(tenantId) && {}) })),
  );
  rpc(AuthService.method.startSession, ({ userId }) =>
    act("startSession", () => {
      if (world.wantsFactor) {
        const value = { challengeToken: "c".repeat(43), expiresInSeconds: 300, factors: ["totp"] };
        return { result: { case: "factorRequired", value } } as const;
      }
      world.sessions.set(userId, (world.sessions.get(userId) ?? 0) + 1);
      const tokens = {
        accessToken: `access of ${userId}`,
        refreshToken: "r",
        sessionId: "ses_1",
        expiresInSeconds: 900,
      };
      return { result: { case: "tokens", value: { ...tokens, refreshExpiresInSeconds: 1 } } } as const;
    }),
  );
  rpc(AuthService.method.endSessions, ({ userId }) => {
    world.sessions.delete(userId);
    return {};
  });
  rpc(AuthService.method.listRoles, () => ({
    roles: [...world.roles].map(([name, permissions]) => ({ name, permissions: [...permissions] })),
  }));
  rpc(AuthService.method.setPrincipal, () => ({ isApplied: true }));
});
