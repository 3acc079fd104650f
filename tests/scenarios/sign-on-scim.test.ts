import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { enterprise, junkPaths, junkValues } from "./sign-on/scim-junk.ts";
import { createScope, type SignOnWorld, signOnServices, startSignOn } from "./sign-on/world.ts";

const user = "urn:ietf:params:scim:schemas:core:2.0:User";
const patchOp = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const fuzzed = process.env["SCENARIO_FULL"] === "1" ? 1_000 : 300;
let mails = 0;
const newMail = () => `p${++mails}-${process.pid}@example.com`;

eachTopology("I13: a provider manages people by SCIM", { services: signOnServices }, (topology) => {
  let world: SignOnWorld;
  let tenantId = "";
  let connectionId = "";
  let token = "";

  const scope = createScope();
  after(scope.end);
  before(async () => {
    world = await startSignOn(topology, scope);
    ({ tenantId } = await world.newTenant());
    connectionId = await world.connect(tenantId, connection("Acme"));
    token = await newToken(tenantId, connectionId);
  });

  const connection = (name: string, more: object = {}) => ({
    ...{ kind: "oidc", name, issuer: "https://id.example.com", client_id: "lyss", client_secret: "a secret" },
    ...more,
  });

  async function newToken(ofTenant: string, ofConnection: string): Promise<string> {
    const path = `/api/v1/sso/connections/${ofConnection}/scim-tokens`;
    const { status, json } = await world.call(`${ofTenant}/usr_admin/sso:manage,group:manage`, "POST", path, {});
    assert.equal(status, 201, JSON.stringify(json));
    return json.secret;
  }

  /** Each call at the next node. */
  async function scim(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
    const answer = await fetch(`${world.nextUrl()}/scim/v2${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { "content-type": "application/scim+json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: text === "" ? undefined : JSON.parse(text) };
  }

  const patch = (path: string, ...operations: readonly object[]) =>
    scim("PATCH", path, { schemas: [patchOp], Operations: operations });

  async function create(body: object = {}) {
    const email = newMail();
    const sent = { schemas: [user], userName: email, active: true, ...body };
    const { status, json, text } = await scim("POST", "/Users", sent);
    assert.equal(status, 201, text);
    return { id: json.id as string, email, json };
  }

  /** Who the person is here, found as people of the tenant are. */
  async function personOf(email: string) {
    const { users } = await world.users.listUsers({ tenantId, filter: email });
    return users.find((one) => one.email === email);
  }

  test("I13 what Okta sends: looked for, made, read, replaced, kept out, let in", async () => {
    const email = newMail();
    const looked = await scim(
      "GET",
      `/Users?filter=${encodeURIComponent(`userName eq "${email}"`)}&startIndex=1&count=100`,
    );
    assert.deepEqual([looked.status, looked.json.totalResults, looked.json.Resources], [200, 0, []]);
    assert.match(looked.headers.get("content-type") ?? "", /^application\/scim\+json/);
    const sent = {
      schemas: [user],
      userName: email,
      name: { givenName: "Test", familyName: "Person" },
      emails: [{ primary: true, value: email, type: "work" }],
      displayName: "Test Person",
      locale: "en-US",
      externalId: "00ujl29u0le5T6Aj10h7",
      groups: [],
      password: "1mz050nq",
      active: true,
    };
    const made = await scim("POST", "/Users", sent);
    assert.equal(made.status, 201, made.text);
    const { id } = made.json;
    assert.equal(made.headers.get("location"), `http://lyss.localhost/scim/v2/Users/${id}`);
    assert.deepEqual([made.json.userName, made.json.externalId, made.json.active], [email, sent.externalId, true]);
    assert.equal(made.text.includes("1mz050nq"), false);
    const person = await personOf(email);
    assert.deepEqual([person?.name, person?.role, person?.status], ["Test Person", "member", UserStatus.ACTIVE]);
    assert.equal((await scim("POST", "/Users", sent)).status, 409);
    const found = await scim("GET", `/Users?filter=${encodeURIComponent(`userName eq "${email.toUpperCase()}"`)}`);
    assert.deepEqual([found.json.totalResults, found.json.Resources[0].id], [1, id]);
    const replaced = await scim("PUT", `/Users/${id}`, { ...sent, displayName: "Another Name" });
    assert.deepEqual([replaced.status, replaced.headers.get("etag"), replaced.json.meta.version], [200, '"2"', '"2"']);
    assert.equal((await personOf(email))?.name, "Another Name");
    const session = await world.authClient.startSession({
      ...{ tenantId, userId: person?.userId ?? "", role: "member", methods: ["fed"], clientAddress: "192.0.2.1" },
    });
    const sessionId = session.result.case === "tokens" ? session.result.value.sessionId : "";
    assert.equal((await world.authClient.checkSession({ sessionId })).isActive, true);
    const out = await patch(`/Users/${id}`, { op: "replace", value: { active: false } });
    assert.deepEqual([out.status, out.json.active], [200, false]);
    assert.equal((await personOf(email))?.status, UserStatus.INACTIVE);
    await waitUntil(async () => !(await world.authClient.checkSession({ sessionId })).isActive);
    // Nothing is said of it: whoever is kept out stays out.
    const { active: _, ...silent } = sent;
    assert.equal((await scim("PUT", `/Users/${id}`, silent)).json.active, false);
    assert.equal((await patch(`/Users/${id}`, { op: "replace", value: { active: true } })).json.active, true);
    assert.equal((await personOf(email))?.status, UserStatus.ACTIVE);
  });

  test("I13 what Entra sends: operations with capitals, flags as texts, paths with filters, the enterprise schema", async () => {
    const { id, email } = await create({
      schemas: [user, enterprise],
      externalId: "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
      emails: [],
      meta: { resourceType: "User" },
      name: { formatted: "Given Family", familyName: "Family", givenName: "Given" },
      roles: [],
    });
    const { status, json, text } = await patch(
      `/Users/${id}`,
      { op: "Add", path: 'emails[type eq "work"].value', value: email },
      { op: "Replace", path: "name.familyName", value: "Renamed" },
      { op: "Add", path: `${enterprise}:department`, value: "Sales" },
      { op: "Add", path: `${enterprise}:manager`, value: "26118915-6090-4610-87e4-49d8ca9f808d" },
      { op: "Replace", value: { displayName: "Given Renamed", "name.givenName": "Gin", title: null } },
      { op: "Add", path: 'phoneNumbers[type eq "work"].value', value: "+1 555 0100" },
    );
    assert.equal(status, 200, text);
    assert.deepEqual(
      [json.emails, json.name.familyName, json.name.givenName, json[enterprise].department, json.displayName],
      [[{ type: "work", value: email }], "Renamed", "Gin", "Sales", "Given Renamed"],
    );
    const out = await patch(`/Users/${id}`, { op: "Replace", path: "active", value: "False" });
    assert.deepEqual([out.json.active, (await personOf(email))?.status], [false, UserStatus.INACTIVE]);
    assert.equal((await scim("DELETE", `/Users/${id}`)).status, 204);
    assert.equal(await personOf(email), undefined);
    assert.equal((await scim("GET", `/Users/${id}`)).status, 404);
    // The address is free, and whoever gets it is somebody else.
    const again = await scim("POST", "/Users", { schemas: [user], userName: email });
    assert.equal(again.status, 201, again.text);
    assert.notEqual(again.json.id, id);
  });

  test("I13 no name, number, id or letter that looks alike leads to somebody who exists", async () => {
    const admin = await world.users.createUser({
      ...{ tenantId, email: `kate-${newMail()}`, password: "correct horse battery", name: "Kate", role: "admin" },
    });
    const owned = new Set([admin.userId]);
    const hostile = [
      "1",
      "0",
      "-1",
      admin.userId,
      admin.userId.toUpperCase(),
      admin.email,
      "admin",
      "аdmin",
      "ａdmin",
      "null",
    ];
    for (const externalId of hostile) {
      const { id, email, json } = await create({ externalId });
      assert.equal(json.externalId, externalId);
      const person = await personOf(email);
      assert.equal(owned.has(person?.userId ?? ""), false, externalId);
      owned.add(person?.userId ?? "");
      owned.add(id);
      const listed = await scim(
        "GET",
        `/Users?filter=${encodeURIComponent(`externalId eq ${JSON.stringify(externalId)}`)}`,
      );
      assert.deepEqual(
        listed.json.Resources.map((one: { id: string }) => one.id),
        [id],
      );
    }
    for (const id of ["1", "0", admin.userId, `${connectionId}/scim`, "null"]) {
      for (const method of ["GET", "DELETE", "PUT", "PATCH"]) {
        const body = {
          PUT: { userName: newMail() },
          PATCH: { Operations: [{ op: "replace", path: "active", value: false }] },
        };
        const answer = await scim(method, `/Users/${encodeURIComponent(id)}`, body[method as "PUT"]);
        assert.equal(answer.status, 404, `${method} ${id}: ${answer.text}`);
      }
    }
    // Her own address, and ones that become it in lower case or look like it.
    const kelvin = admin.email.replace("k", "\u212a");
    for (const email of [admin.email, admin.email.toUpperCase(), kelvin, admin.email.replace("a", "а")]) {
      for (const body of [
        { userName: email },
        { userName: newMail(), emails: [{ value: email, primary: true }] },
        { userName: newMail(), emails: [{ value: email, type: "work" }] },
      ]) {
        const { status, text } = await scim("POST", "/Users", body);
        assert.ok(status === 409 || status === 400, `${email}: ${status} ${text}`);
      }
    }
    const { id } = await create();
    for (const operation of [
      { op: "replace", path: "userName", value: admin.email },
      { op: "replace", path: "emails", value: [{ value: admin.email, primary: true }] },
      { op: "replace", path: "id", value: admin.userId },
    ]) {
      await patch(`/Users/${id}`, operation);
    }
    const kept = await scim("GET", `/Users/${id}`);
    assert.equal(kept.text.includes(admin.email) || kept.text.includes(admin.userId), false);
    const now = await world.users.getUser({ userId: admin.userId });
    assert.deepEqual([now.status, now.name, now.version], [UserStatus.ACTIVE, "Kate", admin.version]);
  });

  test("I13 another connection, of this tenant or another, knows nobody; a token that was revoked or of no connection is refused", async () => {
    const { id } = await create();
    const mine = token;
    const other = await world.newTenant();
    const theirs = await world.connect(other.tenantId, connection("Theirs"));
    const second = await world.connect(tenantId, connection(`Second ${tenantId}`));
    for (const [ofTenant, ofConnection] of [
      [other.tenantId, theirs],
      [tenantId, second],
    ] as const) {
      token = await newToken(ofTenant, ofConnection);
      assert.equal((await scim("GET", `/Users/${id}`)).status, 404);
      assert.equal((await scim("GET", "/Users")).json.totalResults, 0);
      assert.equal((await patch(`/Users/${id}`, { op: "replace", path: "active", value: false })).status, 404);
      const group = await scim("POST", "/Groups", { displayName: "G", members: [{ value: id }] });
      assert.deepEqual([group.status, group.json.scimType], [400, "invalidValue"]);
    }
    const path = `/api/v1/sso/connections/${second}`;
    const admin = `${tenantId}/usr_admin/sso:manage,group:manage`;
    const [{ id: tokenId }] = (await world.call(admin, "GET", `${path}/scim-tokens`)).json.data;
    const old = token;
    const rotated = await world.call(admin, "POST", `${path}/scim-tokens/${tokenId}:rotate`, { grace_seconds: 600 });
    assert.equal((await scim("GET", "/Users")).status, 200);
    token = rotated.json.secret;
    assert.equal((await scim("GET", "/Users")).status, 200);
    await world.call(admin, "DELETE", `${path}/scim-tokens/${tokenId}`);
    token = old;
    const refused = await scim("GET", "/Users");
    assert.deepEqual(
      [refused.status, refused.json.status, refused.headers.get("www-authenticate")],
      [401, "401", 'Bearer realm="SCIM"'],
    );
    token = rotated.json.secret;
    await world.call(admin, "PATCH", path, { enabled: false });
    assert.equal((await scim("GET", "/Users")).status, 401);
    for (const wrong of ["", "lyss_scim_", `lyss_scim_${"A".repeat(43)}`, "Bearer"]) {
      token = wrong;
      assert.equal((await scim("GET", "/Users")).status, 401);
      // Who may not come in is told nothing of what is wrong with the rest.
      assert.equal((await scim("POST", "/Users", {})).status, 401);
    }
    token = mine;
    assert.equal((await scim("GET", `/Users/${id}`)).status, 200);
  });

  test("I13 groups give what the connection's mapping says, and take it back", async () => {
    const owner = await world.users.createUser({
      ...{ tenantId, email: `owner-${newMail()}`, password: "correct horse battery", name: "O", role: "owner" },
    });
    const actor = { userId: owner.userId, permissions: ["group:manage", "group:create"] };
    const make = () => world.groups.createGroup({ tenantId, name: newMail(), ownerId: owner.userId, actor });
    await waitUntil(() =>
      make().then(
        () => true,
        () => false,
      ),
    );
    const { group } = await make();
    const groupId = group?.groupId ?? "";
    const mapping = [{ value: "Engineers", group_id: groupId, role: "admin" }];
    const rules = { group_mapping: mapping, role_mapping: [{ value: "Engineers", role: "admin" }] };
    await world.call(`${tenantId}/usr_owner/*`, "PATCH", `/api/v1/sso/connections/${connectionId}`, rules);
    const [ann, bob] = [await create(), await create()];
    const roles = async () => {
      for (const { ops } of world.nodes) await ops.followPeople();
      await world.service.ops.givePending();
      const { members } = await world.groups.listMembers({ tenantId, groupId, actor });
      return members.filter(({ userId }) => userId !== owner.userId).map(({ role }) => role);
    };
    const made = await scim("POST", "/Groups", {
      displayName: "Engineers",
      externalId: "g1",
      members: [{ value: ann.id, $ref: null }],
    });
    assert.equal(made.status, 201, made.text);
    await waitUntil(async () => (await roles()).join() === "admin");
    const ofTenant = async () => [(await personOf(ann.email))?.role, (await personOf(bob.email))?.role];
    await waitUntil(async () => (await ofTenant()).join() === "admin,member");
    const path = `/Groups/${made.json.id}`;
    await patch(path, { op: "Add", path: "members", value: [{ value: bob.id }, { value: ann.id }] });
    await waitUntil(async () => (await roles()).join() === "admin,admin");
    const shown = await scim("GET", path);
    assert.deepEqual(
      shown.json.members.map(({ value }: { value: string }) => value),
      [ann.id, bob.id],
    );
    assert.equal((await scim("GET", `${path}?excludedAttributes=members`)).json.members, undefined);
    const filter = encodeURIComponent(`id eq "${made.json.id}" and members eq "${ann.id}"`);
    assert.equal((await scim("GET", `/Groups?excludedAttributes=members&filter=${filter}`)).json.totalResults, 1);
    await patch(path, { op: "remove", path: `members[value eq "${ann.id}"]` });
    await waitUntil(async () => (await roles()).join() === "admin");
    await waitUntil(async () => (await ofTenant()).join() === "member,admin");
    await patch(path, { op: "Replace", value: { id: made.json.id, displayName: "Renamed" } });
    await waitUntil(async () => (await roles()).join() === "");
    await patch(path, { op: "replace", path: "displayName", value: "Engineers" });
    await waitUntil(async () => (await roles()).join() === "admin");
    assert.equal((await scim("DELETE", path)).status, 204);
    await waitUntil(async () => (await roles()).join() === "");
  });

  test("I13 of two changes that meet one loses where it says which version it means; of ten creates one makes somebody", async () => {
    const { id } = await create();
    const tag = (await scim("GET", `/Users/${id}`)).headers.get("etag") ?? "";
    assert.equal((await scim("GET", `/Users/${id}`, undefined, { "if-none-match": tag })).status, 304);
    const change = () =>
      scim(
        "PATCH",
        `/Users/${id}`,
        { Operations: [{ op: "replace", path: "title", value: "x" }] },
        { "if-match": tag },
      );
    const changed = await Promise.all(Array.from({ length: 8 }, change));
    assert.deepEqual(changed.map(({ status }) => status).sort(), [200, ...Array(7).fill(412)]);
    const userName = newMail();
    const made = await Promise.all(Array.from({ length: 10 }, () => scim("POST", "/Users", { userName })));
    assert.deepEqual(made.map(({ status }) => status).sort(), [201, ...Array(9).fill(409)]);
    const flips = Array.from({ length: 10 }, (_, n) =>
      patch(`/Users/${id}`, { op: "replace", path: "active", value: n % 2 === 0 }),
    );
    assert.ok((await Promise.all(flips)).every(({ status }) => status === 200));
    for (const { ops } of world.nodes) await ops.followPeople();
    const { json } = await scim("GET", `/Users/${id}`);
    const status = (await personOf(json.userName))?.status;
    assert.equal(status, json.active ? UserStatus.ACTIVE : UserStatus.INACTIVE);
  });

  test("I13 whoever is removed here is gone there, and whoever is suspended here is not let in from there", async () => {
    const { id, email } = await create();
    const { userId = "" } = (await personOf(email)) ?? {};
    await world.users.setUserStatus({ userId, tenantId, status: UserStatus.SUSPENDED, reason: "here" });
    await patch(`/Users/${id}`, { op: "replace", path: "active", value: true });
    assert.equal((await personOf(email))?.status, UserStatus.SUSPENDED);
    await world.users.deleteUser({ userId, tenantId });
    await patch(`/Users/${id}`, { op: "replace", path: "title", value: "gone" });
    assert.equal((await scim("GET", `/Users/${id}`)).status, 404);
  });

  test(`I13 ${fuzzed} changes of whatever kind: no error of the server's, and nobody else is touched`, async (t) => {
    const seed = Number(process.env["SCENARIO_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`SCENARIO_SEED=${seed}`);
    const seeded = createSeeded(seed);
    const below = (end: number) => seeded.between(0, end - 1);
    const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
    const { id } = await create();
    const bystander = await create();
    const before = (await scim("GET", `/Users/${bystander.id}`)).text;
    const group = (await scim("POST", "/Groups", { displayName: newMail() })).json.id;
    const [paths, values] = [junkPaths(id), junkValues(id, bystander.id)];
    const statuses = new Map<number, number>();
    const one = async () => {
      const operations = Array.from({ length: 1 + below(2) }, () => ({
        op: pick(["add", "replace", "remove", "Add", "Replace", below(10) === 0 ? "move" : "add"]),
        ...(below(6) > 0 && { path: pick(paths) }),
        ...(below(6) > 0 && { value: pick(values) }),
      }));
      const isBent = below(20) === 0;
      const body = isBent ? pick<unknown>([operations, {}]) : { schemas: [patchOp], Operations: operations };
      const { status, text } = await scim("PATCH", pick([`/Users/${id}`, `/Users/${id}`, `/Groups/${group}`]), body);
      assert.ok(status < 500, `${JSON.stringify(body).slice(0, 2_000)}: ${status} ${text}`);
      if (status >= 400 && status !== 404) assert.equal(JSON.parse(text).status, String(status));
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    for (let sent = 0; sent < fuzzed; sent += 20) await Promise.all(Array.from({ length: 20 }, one));
    t.diagnostic(JSON.stringify([...statuses]));
    assert.ok((statuses.get(200) ?? 0) > 0 && (statuses.get(400) ?? 0) > 0);
    assert.equal((await scim("GET", `/Users/${bystander.id}`)).text, before);
  });
});
