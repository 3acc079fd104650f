import assert from "node:assert/strict";
import { test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { audit } from "@lyss/services/audit/service.ts";
import { auth } from "@lyss/services/auth/service.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { group } from "@lyss/services/group/service.ts";
import { tenant } from "@lyss/services/tenant/service.ts";
import { user } from "@lyss/services/user/service.ts";

const password = "correct horse battery";
const tenantId = "ten_a";
const clientAddress = "203.0.113.77";
const services = [audit, auth, billing, group, tenant, user];

/** How often each of the texts stands in any table of these services. The event log, which is kept for its time, is left out. */
async function countMentions(adminUrl: string, texts: readonly string[]): Promise<readonly number[]> {
  const sql = postgres(adminUrl, { max: 1, onnotice: () => {} });
  try {
    const schemas = services.map(({ name }) => name);
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

eachTopology("erasure", { services }, (topology) => {
  test("who is removed is forgotten by every service: no name, no address of mail or network, no key, no group", async () => {
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

    await users.deleteUser({ userId, tenantId, clientAddress });

    const sql = postgres(topology.adminUrl(), { max: 1, onnotice: () => {} });
    try {
      await waitUntil(async () => {
        const parts = await sql`select service from "user".erased_part where user_id = ${userId} order by service`;
        return parts.map(({ service }) => service).join() === "audit,auth,group";
      });
    } finally {
      await sql.end();
    }
    await waitUntil(async () => {
      const { entries } = await logs.listAuditEntries({ chain: tenantId, subjectId: userId });
      return entries.some(({ act }) => act === "user.deleted");
    });
    assert.deepEqual(await countMentions(topology.adminUrl(), texts), [0, 0]);
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
