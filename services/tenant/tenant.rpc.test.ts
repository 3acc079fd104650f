import assert from "node:assert/strict";
import { after, test } from "node:test";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { TenantService, TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createTenantRpc } from "./rpc.ts";
import { tenant } from "./service.ts";
import { peersThatHear } from "./test-peers.ts";

const { ops, random } = await startTestService({ after }, tenant, { clients: peersThatHear() });

eachTransport("tenant", (serve) => {
  test("a peer creates a tenant once, activates it, and finds it by id, slug and list", async () => {
    await using served = await serve(TenantService, createTenantRpc(ops));
    const { client } = served;
    const slug = random.id("t").replace("_", "-");
    const created = await client.createTenant({ name: " Acme ", slug, plan: "free" });
    assert.equal(created.isNew, true);
    assert.equal(created.tenant?.name, "Acme");
    assert.equal(created.tenant.status, TenantStatus.PROVISIONING);
    const repeated = await client.createTenant({ name: "Acme", slug, plan: "free" });
    assert.equal(repeated.isNew, false);
    assert.deepEqual(repeated.tenant, created.tenant);

    const { tenantId } = created.tenant;
    const { tenant: active } = await client.activateTenant({ tenantId });
    assert.equal(active?.status, TenantStatus.ACTIVE);
    assert.deepEqual((await client.getTenant({ tenantId })).tenant, active);
    assert.deepEqual((await client.getTenantBySlug({ slug })).tenant, active);
    const { tenants } = await client.listTenants({ limit: 1 });
    assert.deepEqual(tenants, [active]);
  });

  test("what does not exist is not found, and bad input names the field", async () => {
    await using served = await serve(TenantService, createTenantRpc(ops));
    const missing = served.client.getTenant({ tenantId: "ten_none" });
    await assert.rejects(missing, (err) => isFailure(err, tenantFailures.not_found));
    const good = { name: "Acme", slug: "acme", plan: "free" };
    for (const [field, value] of [
      ["name", ""],
      ["slug", "A"],
      ["plan", "free!"],
    ] as const) {
      await assert.rejects(served.client.createTenant({ ...good, [field]: value }), (err) => {
        return isFailure(err, kitFailures.invalid_request) && err.details["field"] === field;
      });
    }
  });
});
