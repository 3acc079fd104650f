import assert from "node:assert/strict";
import { after, test } from "node:test";
import { tenantFailures } from "@lyss/contracts/failures/tenant.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { newTenantSchema, platformActor } from "./model.ts";
import { tenant } from "./service.ts";
import { peersThatHear } from "./test-peers.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, tenant, { clients: peersThatHear(), clock });
const { ops, sql, db } = service;

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);

async function eventsOf(tenantId: string): Promise<readonly string[]> {
  const events = await service.listEvents();
  return events.filter(({ key }) => key === tenantId).map(({ type, data }) => `${type} ${data.status}`);
}

test("ten calls at once with one slug create one tenant, and one of them is told that it is new", async () => {
  const input = { name: "Acme", slug: "acme", plan: "free" };
  const answers = await Promise.all(Array.from({ length: 10 }, () => ops.createTenant(input)));
  assert.equal(new Set(answers.map((answer) => answer.tenant.tenantId)).size, 1);
  assert.equal(answers.filter(({ isNew }) => isNew).length, 1);
  const repeat = await ops.createTenant({ ...input, name: "Other", plan: "paid" });
  assert.equal(repeat.isNew, false);
  assert.equal(repeat.tenant.name, "Acme");
  assert.deepEqual(await eventsOf(repeat.tenant.tenantId), ["tenant.created TENANT_STATUS_PROVISIONING"]);
});

test("a tenant is activated once, and a suspended one not at all", async () => {
  const { tenant: created } = await ops.createTenant({ name: "Beta", slug: "beta", plan: "free" });
  const { tenantId } = created;
  clock.advance(1_000);
  const active = await ops.activateTenant({ tenantId });
  assert.equal(active.status, "active");
  clock.advance(1_000);
  assert.deepEqual(await ops.activateTenant({ tenantId }), active);
  assert.deepEqual(await ops.getTenant({ tenantId, actor: platformActor() }), active);
  assert.deepEqual(await ops.getTenantBySlug({ slug: "beta" }), active);
  const said = ["tenant.created TENANT_STATUS_PROVISIONING", "tenant.updated TENANT_STATUS_ACTIVE"];
  assert.deepEqual(await eventsOf(tenantId), said);

  await sql`update tenant set status = 'suspended' where tenant_id = ${tenantId}`;
  await assert.rejects(ops.activateTenant({ tenantId }), failsWith(tenantFailures.suspended));
});

test("a tenant that does not exist is not found, by id and by slug", async () => {
  const notFound = failsWith(tenantFailures.not_found);
  await assert.rejects(ops.getTenant({ tenantId: "ten_none", actor: platformActor() }), notFound);
  await assert.rejects(ops.getTenantBySlug({ slug: "none" }), notFound);
  await assert.rejects(ops.activateTenant({ tenantId: "ten_none" }), notFound);
});

test("tenants are listed newest first, page by page", async () => {
  for (const slug of ["page-a", "page-b", "page-c"]) {
    clock.advance(1);
    await ops.createTenant({ name: slug, slug, plan: "free" });
  }
  const first = await ops.listTenants({ limit: 2 });
  const second = await ops.listTenants({ limit: 2, cursor: first.nextCursor });
  const slugs = [...first.rows, ...second.rows].map(({ slug }) => slug);
  assert.deepEqual(slugs.slice(0, 3), ["page-c", "page-b", "page-a"]);
});

test("S8: a search that the database does not end in time is refused", async () => {
  await db.transaction(async (tx) => {
    await tx`lock table tenant in access exclusive mode`;
    await assert.rejects(ops.listTenants({ limit: 2, query: "%" }), failsWith(kitFailures.search_too_broad));
  });
  assert.equal((await ops.listTenants({ limit: 2 })).rows.length, 2);
});

test("a slug is a DNS label", () => {
  const parse = (slug: string) => newTenantSchema.safeParse({ name: "x", slug, plan: "free" }).success;
  for (const good of ["ab", "a-b", "0a", "a".repeat(63)]) assert.ok(parse(good), good);
  for (const bad of ["", "a", "-a", "a-", "A-b", "a_b", "a.b", "a b", "ab\n", "a".repeat(64)])
    assert.equal(parse(bad), false, bad);
});

test("tenants are counted by status", async () => {
  const before = await ops.countTenants();
  const { tenant: one } = await ops.createTenant({ name: "One", slug: "counted-one", plan: "free" });
  await ops.createTenant({ name: "Two", slug: "counted-two", plan: "free" });
  await ops.activateTenant({ tenantId: one.tenantId });
  await ops.suspendTenant({ tenantId: one.tenantId, reason: "late", actor: platformActor() });
  assert.deepEqual(await ops.countTenants(), {
    ...{ provisioning: before.provisioning + 1, active: before.active, suspended: before.suspended + 1 },
  });
});
