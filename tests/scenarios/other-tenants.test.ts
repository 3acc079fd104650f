import assert from "node:assert/strict";
import { test } from "node:test";
import { isTenantPermission } from "@lyss/contracts/access/permissions.ts";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import type { Route } from "@lyss/kit/http/route.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { generateKeySecret, hashKeySecret } from "@lyss/services/auth/key-secret.ts";
import { createKeyDerivation, loadRootKey } from "../../apps/platform/root-key.ts";
import { requestJson } from "../run-platform.ts";
import {
  type Answer,
  type Attack,
  allRoutes,
  forAll,
  runWalkedPlatform,
  type WalkedPlatform,
} from "./walk/walked-platform.ts";

const limits = { timeout: 240_000 };
const owner = permissionsByRole["owner"] ?? [];
const random = createRandom(systemClock);
/** Stands in what the first tenant has, and in nothing that the other one may see. */
const mark = "kept-from-others";
const domain = "first.example";
/** Filters of lists that take ids. */
const filters = ["member", "parent", "scope_id", "user_id", "user", "key_id", "tenant", "tenant_id", "group"];

/** Makes somebody who may do everything in a tenant of their own, and gives their key: rows, as the services write them. */
async function addStranger({
  platform,
  sql,
}: WalkedPlatform): Promise<{ readonly key: string; readonly tenantId: string }> {
  const { body } = await requestJson(`${platform.url}/api/v1/tenants`, platform.apiKey, {
    body: { name: "Strangers", slug: "strangers" },
  });
  const tenantId = String(body["id"]);
  const secret = generateKeySecret(random);
  const pepper = createKeyDerivation(loadRootKey(platform.dataDir, undefined))("auth.pepper");
  const person = { user_id: "usr_stranger", tenant_id: tenantId, email: "eve@strangers.example", role: "owner" };
  await sql`
    insert into "user".person select (jsonb_populate_record(person, ${sql.json(person)})).*
    from "user".person where role = 'operator' limit 1`;
  const key = { key_id: "key_stranger", tenant_id: tenantId, user_id: person.user_id, permissions: [...owner] };
  await sql`
    insert into auth.key select (jsonb_populate_record(key, ${sql.json(key)})).* from auth.key
    where permissions ? 'platform:*' limit 1`;
  await sql`
    insert into auth.key_secret (secret_hash, key_id, created_at)
    values (${hashKeySecret(pepper, secret)}, ${key.key_id}, now())`;
  return { key: secret, tenantId };
}

/** Things of the first tenant, of every kind that is made by one request; and the id of each thing that it has. */
async function collectIds({ platform, sql }: WalkedPlatform): Promise<{ tenantId: string; ids: readonly string[] }> {
  const { url, apiKey } = platform;
  const make = async (path: string, body: object) => {
    const made = await requestJson(`${url}${path}`, apiKey, { body });
    assert.ok(made.status < 300, `${path}: ${JSON.stringify(made.body)}`);
    return String(made.body["id"]);
  };
  const [one] = await sql<{ tenant_id: string; user_id: string }[]>`
    select tenant_id, user_id from "user".person where role = 'operator' limit 1`;
  assert.ok(one);
  const ids = [one.tenant_id, one.user_id];
  ids.push(await make("/api/v1/groups", { name: mark }));
  ids.push(await make("/v1/keys", { name: mark, permissions: ["model:list"] }));
  ids.push(await make("/v1/billing/budgets", { scope: "tenant", unit: "calls", limit: "1000000", period: "month" }));
  await requestJson(`${url}/api/v1/tenants/me/domains`, apiKey, { body: { domain } });
  return { tenantId: one.tenant_id, ids };
}

/** Resolves when every service has heard what was said of these things. */
async function untilHeard({ platform }: WalkedPlatform): Promise<void> {
  for (;;) {
    const { body } = await requestJson(`${platform.url}/admin/events/subscriptions`, platform.apiKey);
    const rows = body["data"] as readonly { readonly behind: number | null }[];
    assert.ok(rows.length > 0);
    if (rows.every(({ behind }) => !behind)) return;
  }
}

/** Everything that is kept under a tenant's id, table by table, but for what only says when something was used. */
async function readAll({ sql }: WalkedPlatform, tenantId: string): Promise<ReadonlyMap<string, string>> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select table_schema as schema, table_name as name from information_schema.columns
    join information_schema.tables using (table_schema, table_name)
    where column_name = 'tenant_id' and table_type = 'BASE TABLE' and table_schema not in ('event_log')
    order by 1, 2`;
  const found = new Map<string, string>();
  for (const { schema, name } of tables) {
    const [row] = await sql<{ digest: string }[]>`
      select coalesce(md5(string_agg(text, ',' order by text)), '') as digest from (
        select (to_jsonb(t) - 'last_used_at' - 'last_seen_at')::text as text from ${sql(schema)}.${sql(name)} t
        where tenant_id = ${tenantId}) as rows`;
    found.set(`${schema}.${name}`, row?.digest ?? "");
  }
  return found;
}

/** What is sent: an id of the other tenant in every field that may take one, and changes that need no id. */
const bodiesFor = (id: string): readonly (object | undefined)[] => [
  {},
  { user_id: id, owner_id: id, parent_id: id, group_id: id, tenant_id: id, key_id: id, scope_id: id, id },
  { name: "mine", description: "mine" },
  { role: "owner" },
  { status: "suspended" },
  { permissions: [] },
  { parent_id: null },
  { user_id: id },
  { name: `mine ${id}`, parent_id: id },
  { name: `mine ${id}`, owner_id: id },
  { retention_days: 1, store_bodies: true },
];

const fill = (route: Route<never>, id: string) => route.path.replace(/\{\w+\}/g, encodeURIComponent(id));

test("I16: every route asks for a permission that a role holds, or is public", () => {
  const roles = Object.values(permissionsByRole);
  const lost = allRoutes.filter(
    ({ permission }) => permission !== "public" && !roles.some((held) => permits(held, permission)),
  );
  assert.deepEqual(
    lost.map(({ method, path, permission }) => `${method} ${path} asks for ${permission}`),
    [],
  );
});

test("I16: every permission that a route asks for within a tenant is one that its roles may be given", () => {
  const isOfNoTenant = (permission: string) => /^(public|caller|platform:.*)$/.test(permission);
  const lost = allRoutes
    .map(({ permission }) => permission)
    .filter((one) => !isOfNoTenant(one) && !isTenantPermission(one));
  assert.deepEqual([...new Set(lost)], []);
});

test(
  "I16: whoever may do everything in one tenant reads and changes nothing of another, by any id on any route",
  limits,
  async (t) => {
    const walked = await runWalkedPlatform(t);
    const first = await collectIds(walked);
    const stranger = await addStranger(walked);
    const headers = { authorization: `Bearer ${stranger.key}` };
    const own = await walked.send({ method: "GET", target: "/api/v1/tenants/me", headers });
    assert.match(own.text, new RegExp(stranger.tenantId));
    const [, , groupId] = first.ids;
    const shown = await walked.send({ method: "GET", target: `/api/v1/groups/${groupId}`, as: "operator" });
    assert.match(shown.text, new RegExp(mark));
    await untilHeard(walked);
    const before = await readAll(walked, first.tenantId);
    const crossed: string[] = [];
    /** Whoever is turned away for being one of too many asks again: it has shown nothing yet. */
    const send = async (attack: Attack): Promise<Answer> => {
      for (let attempt = 1; ; attempt++) {
        const answer = await walked.send(attack);
        if (answer.status !== 503 || attempt === 20) return answer;
      }
    };
    let sent = 0;
    const look = (told: string, { status, text }: Answer, isNamed: boolean) => {
      sent++;
      if (status >= 500 && status !== 501) crossed.push(`${told}: ${status}`);
      if (text.includes(mark) || (isNamed && status < 300)) crossed.push(`${told}: ${status} ${text.slice(0, 200)}`);
    };
    // Model calls are of no tenant's things, and operators' routes are closed to the stranger: both are walked all the same.
    await forAll(
      allRoutes,
      async (route) => {
        const isNamed = route.path.includes("{");
        for (const id of isNamed ? [...first.ids, domain] : first.ids.slice(0, 3)) {
          const target = fill(route, id);
          const bodies = ["POST", "PUT", "PATCH"].includes(route.method) ? bodiesFor(id) : [undefined];
          const isRecord = recordsOfPeople.includes(route.path);
          for (const each of bodies) {
            const body = each && JSON.stringify(each);
            const answer = await send({ method: route.method, target, headers, body });
            const told = `${route.method} ${target} ${body ?? ""}`;
            look(told, answer, isNamed && !isRecord && route.permission !== "public");
            if (!isRecord || answer.status >= 300) continue;
            const unknown = await send({ method: route.method, target: fill(route, "usr_none"), headers, body });
            if (answer.text.replaceAll(id, "usr_none") !== unknown.text) crossed.push(`${told}: ${answer.text}`);
          }
          if (route.method !== "GET" || isNamed) continue;
          for (const field of filters) {
            const answer = await send({ method: "GET", target: `${target}?${field}=${id}`, headers });
            look(`GET ${target}?${field}=${id}`, answer, false);
          }
        }
      },
      8,
    );
    assert.deepEqual(crossed, []);
    const after = await readAll(walked, first.tenantId);
    for (const [table, digest] of before)
      assert.equal(after.get(table), digest, `${table} of the first tenant has changed`);
    t.diagnostic(`${sent} requests to ${allRoutes.length} routes, ${before.size} tables compared`);
  },
);

/** What these say of a person is what is on record in the caller's tenant: nothing, of whom it does not have. */
const recordsOfPeople: readonly string[] = [
  "/api/v1/billing/usage/{user_id}",
  "/api/v1/billing/costs/{user_id}",
  "/api/v1/billing/quotas/{user_id}",
];
