import assert from "node:assert/strict";
import { test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { aiGateway } from "@lyss/services/ai-gateway/service.ts";
import { audit } from "@lyss/services/audit/service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { credential } from "@lyss/services/credential/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { sso } from "@lyss/services/sso/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { exportingServices } from "@lyss/services/user/exports/export-model.ts";
import { erasingServices } from "@lyss/services/user/model.ts";
import type { UserOps } from "@lyss/services/user/ops.ts";
import { user } from "@lyss/services/user/service.ts";
import { services as installed } from "../../apps/platform/services.ts";

const password = "correct horse battery";
const tenantId = "ten_a";
const clientAddress = "203.0.113.77";
const services = [aiGateway, audit, auth, billing, credential, group, sso, tenant, user];

test("who forgets people also tells what is kept of them, and user waits for all of these", () => {
  const sayers = (what: string) =>
    installed
      .filter(({ name, publishes }) => publishes.some(({ type }) => type === `${name}.person.${what}`))
      .map(({ name }) => name)
      .sort();
  assert.deepEqual(sayers("exported"), [...exportingServices].sort());
  assert.deepEqual(sayers("erased"), [...erasingServices].sort());
  assert.deepEqual(
    erasingServices.filter((name) => !exportingServices.includes(name)),
    [],
  );
});

/** The services that have a table about somebody. */
async function listServicesWithPeople(adminUrl: string): Promise<readonly string[]> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const rows = await sql<{ schema: string }[]>`
      select distinct table_schema as schema from information_schema.columns
      where table_schema in ${sql(services.map(({ name }) => name.replaceAll("-", "_")))}
        and column_name in ('user_id', 'owner_id', 'actor_id', 'added_by', 'changed_by')`;
    return rows.map(({ schema }) => schema.replaceAll("_", "-")).sort();
  } finally {
    await sql.end();
  }
}

/** How often each of the texts stands in any table of these services. The event log, which is kept for its time, is left out. */
async function countMentions(adminUrl: string, texts: readonly string[]): Promise<readonly number[]> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const schemas = services.map(({ name }) => name.replaceAll("-", "_"));
    const tables = await sql<{ schema: string; name: string }[]>`
      select table_schema as schema, table_name as name from information_schema.tables
      where table_schema in ${sql(schemas)} and table_type = 'BASE TABLE'`;
    assert.ok(tables.length >= 15);
    const counts = texts.map(() => 0);
    for (const { schema, name } of tables) {
      const rows = await sql<{ text: string }[]>`select to_jsonb(t)::text as text from ${sql(schema)}.${sql(name)} t`;
      for (const [index, text] of texts.entries()) {
        const found = rows.filter((row) => row.text.includes(text));
        counts[index] = (counts[index] ?? 0) + found.length;
      }
    }
    return counts;
  } finally {
    await sql.end();
  }
}

/** What comes of signing in with other programs and of kept responses. */
async function putOutside(adminUrl: string, userId: string): Promise<void> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    await sql`
      insert into sso.client (client_id, tenant_id, name, redirect_uris, post_logout_redirect_uris, scopes, version, created_at, updated_at)
      values ('cli_1', ${tenantId}, 'Grafana', '{}', '{}', '{}', 1, now(), now())`;
    await sql`insert into sso.consent (user_id, client_id, scopes, given_at) values (${userId}, 'cli_1', '{openid}', now())`;
    await sql`
      insert into sso.provider_login (uid_hash, session_id, tenant_id, user_id, expires_at)
      values ('\\x01', 'ses_1', ${tenantId}, ${userId}, now() + interval '1 day')`;
    await sql`
      insert into sso.provider_item (model, id_hash, uid_hash, user_id, sealed, expires_at) values
        ('Session', '\\x02', '\\x01', null, '\\x00', now() + interval '1 day'),
        ('AccessToken', '\\x03', null, ${userId}, '\\x00', now() + interval '1 day')`;
    await sql`
      insert into ai_gateway.response (response_id, tenant_id, owner_id, status, is_background, response, input, expires_at)
      values ('resp_1', ${tenantId}, ${userId}, 'completed', false, '\\x00', '\\x00', now() + interval '1 day')`;
    assert.equal(await countOutside(adminUrl, userId), 5);
  } finally {
    await sql.end();
  }
}

async function countOutside(adminUrl: string, userId: string): Promise<number> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const [row] = await sql<{ rows: number }[]>`
      select (select count(*) from sso.consent where user_id = ${userId})
        + (select count(*) from sso.provider_login where user_id = ${userId})
        + (select count(*) from sso.provider_item)
        + (select count(*) from ai_gateway.response where owner_id = ${userId}) as rows`;
    return Number(row?.rows);
  } finally {
    await sql.end();
  }
}

eachTopology("people", { services }, (topology) => {
  test("who asks is told what every service keeps, and who is removed is forgotten by every service: no name, no address of mail or network, no key, no group", async () => {
    const [users, keys, groups] = [topology.client(user), topology.client(auth), topology.client(group)];
    const logs = topology.client(audit);
    const create = (email: string, name: string, role: string) =>
      users.createUser({ tenantId, email, password, name, role });
    const owner = await create("owner@example.com", "Olga", "owner");
    const { userId } = await create("zacharias@example.com", "Zacharias", "member");
    const ownerActor = { userId: owner.userId, permissions: ["*"] };
    const { group: made } = await groups.createGroup({ tenantId, name: "Readers", actor: ownerActor });
    const groupId = made?.groupId ?? "";
    await waitUntil(() =>
      groups.addMember({ tenantId, groupId, userId, actor: ownerActor }).then(
        () => true,
        () => false,
      ),
    );
    await users.signIn({ email: "zacharias@example.com", password, clientAddress });
    const grantor = { userId, permissions: ["*"], models: [] };
    const { secret } = await keys.createKey({ tenantId, userId, name: "Zacharias' laptop", grantor });
    await waitUntil(async () => {
      const { entries } = await logs.listAuditEntries({ chain: tenantId, clientAddress });
      return entries.some(({ act }) => act === "user.signed_in");
    });
    const texts = ["acharias", clientAddress];
    assert.ok((await countMentions(topology.adminUrl(), texts)).every((count) => count > 0));

    const found = topology
      .program("user")
      .mounted()
      .find(({ name }) => name === "user");
    const people = found?.ops as UserOps;
    const asked = { userId, tenantId, actor: { userId, keyId: "", permissions: [] }, clientAddress };
    await people.requestExport(asked);
    await waitUntil(async () => (await people.getExport(asked)).completedAt !== null);
    const document = JSON.parse((await people.downloadExport(asked)).bytes.toString());
    assert.deepEqual(Object.keys(document.services), exportingServices);
    assert.deepEqual(await listServicesWithPeople(topology.adminUrl()), exportingServices);
    const { auth: access, audit: acts, group: membership, user: self } = document.services;
    assert.equal(access.keys[0].name, "Zacharias' laptop");
    assert.equal(access.sessions[0].client_address, clientAddress);
    assert.ok(acts.entries_by.some((entry: { client_address: string }) => entry.client_address === clientAddress));
    assert.equal(membership.memberships[0].group_name, "Readers");
    assert.equal(self.profile.email, "zacharias@example.com");
    assert.ok(!JSON.stringify(document).includes(secret));

    await putOutside(topology.adminUrl(), userId);
    await users.deleteUser({ userId, tenantId, clientAddress });

    const sql = postgres(topology.adminUrl(), { max: 1, onnotice: () => {} });
    try {
      await waitUntil(async () => {
        const parts = await sql`select service from "user".erased_part where user_id = ${userId} order by service`;
        return parts.map(({ service }) => service).join() === erasingServices.join();
      });
    } finally {
      await sql.end();
    }
    await waitUntil(async () => {
      const { entries } = await logs.listAuditEntries({ chain: tenantId, subjectId: userId });
      return entries.some(({ act }) => act === "user.deleted");
    });
    assert.deepEqual(await countMentions(topology.adminUrl(), texts), [0, 0]);
    assert.equal(await countOutside(topology.adminUrl(), userId), 0);
    assert.equal((await keys.verifyKey({ secret })).result.case, "refused");
    const { members } = await groups.listMembers({ tenantId, groupId, actor: ownerActor });
    assert.deepEqual(
      members.map((member) => member.userId),
      [owner.userId],
    );
    const verdict = await logs.verifyAuditChain({ chain: tenantId });
    assert.deepEqual([verdict.isIntact, verdict.isComplete, verdict.reason], [true, true, ""]);
  });
});
