import assert from "node:assert/strict";
import { after, test } from "node:test";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

const clients = peersThatServe(({ rpc }) => {
  rpc(AuthService.method.countAccess, () => ({ sessions: 4n, keys: 7n }));
  rpc(TenantService.method.countTenants, () => ({ active: 2n, suspended: 1n }));
  rpc(BillingService.method.sumUsage, () => ({
    today: { calls: 1n, costNanos: 2n },
    month: { calls: 3n, costNanos: 2n ** 60n },
  }));
});
const { ops } = await startTestService({ after }, user, { clients });
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard: ({ headers: { authorization } }) => ({
    ...{ tenantId: "ten_a", userId: "usr_a", keyId: "", ...noSession, models: [] },
    permissions: (authorization ?? "").replace("Bearer ", "").split(","),
  }),
});
after(() => server.close());

test("operators see what there is in all tenants together; the owner of a tenant does not", async () => {
  const password = new Secret("correct horse battery");
  for (const tenantId of ["ten_a", "ten_b"]) {
    await ops.createUser({ tenantId, email: `${tenantId}@example.com`, password, name: "A", role: "owner" });
  }
  const { status, json } = await server.call("platform:*", "GET", "/admin/stats");
  assert.equal(status, 200);
  assert.deepEqual(json, {
    object: "stats",
    tenants: { provisioning: 0, active: 2, suspended: 1 },
    people: { active: 2, inactive: 0, suspended: 0 },
    ...{ sessions: 4, keys: 7 },
    usage: { today: { calls: 1, cost_nanos: "2" }, month: { calls: 3, cost_nanos: String(2n ** 60n) } },
  });
  assert.equal((await server.call("*", "GET", "/admin/stats")).status, 403);
});
