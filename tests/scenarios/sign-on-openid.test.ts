import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startOpenIdProvider } from "./sign-on/openid-provider.ts";
import type { TestBrowser } from "./sign-on/test-browser.ts";
import {
  createScope,
  isConsole,
  newVerifier,
  publicUrl,
  type SignOnWorld,
  signOnServices,
  startSignOn,
  startUrl,
} from "./sign-on/world.ts";

eachTopology("I14 RP: sign-on by a real OpenID provider", { services: signOnServices }, (topology) => {
  let world: SignOnWorld;
  let idp: Awaited<ReturnType<typeof startOpenIdProvider>>;
  let tenantId = "";
  let connectionId = "";

  const scope = createScope();
  after(scope.end);
  before(async () => {
    world = await startSignOn(topology, scope);
    idp = await startOpenIdProvider(scope);
    ({ tenantId } = await world.newTenant());
    connectionId = await connect("Acme");
    await idp.open({
      redirectUris: [`${publicUrl}/api/v1/sso/${connectionId}/callback`],
      backchannelLogoutUri: `${world.firstUrl}/api/v1/sso/${connectionId}/backchannel-logout`,
    });
  });

  const connect = (name: string, more: object = {}) =>
    world.connect(tenantId, {
      ...{ kind: "oidc", name, issuer: idp.issuer, client_id: "lyss", client_secret: "a secret of the client" },
      ...{ create_people: true, ...more },
    });

  /** Signs somebody on, each step at another node; gives the answer to the code. */
  async function signOn(sub: string, claims: Readonly<Record<string, unknown>> = {}) {
    idp.signInAs({ sub, claims: { email: `${sub}@example.com`, email_verified: true, name: "Ann", ...claims } });
    const { verifier, challenge } = newVerifier();
    const browser = world.newBrowser();
    const { url, answer } = await browser.follow(startUrl(connectionId, challenge), isConsole);
    if (answer) assert.fail(await answer.text());
    const code = url.searchParams.get("code") ?? "";
    assert.deepEqual([...url.searchParams.keys()], ["code"]);
    const exchanged = await world.exchange(code, verifier);
    assert.equal(exchanged.status, 200, JSON.stringify(exchanged.json));
    return { browser, code, verifier, tokens: exchanged.json };
  }

  async function endAtProvider(browser: TestBrowser): Promise<void> {
    const page = await (await browser.send(`${idp.issuer}/session/end`)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
    const confirm = { method: "POST", body: new URLSearchParams({ xsrf, logout: "yes" }) };
    await browser.send(`${idp.issuer}/session/end/confirm`, confirm);
  }

  const checkSession = (sessionId: string) => world.authClient.checkSession({ sessionId });

  test("I14 RP a person signs on over two nodes, and has a session that names them", async () => {
    const { tokens, code, verifier, browser } = await signOn("ann");
    const session = await checkSession(tokens["session_id"] ?? "");
    assert.deepEqual([session.isActive, session.tenantId, session.role], [true, tenantId, "member"]);
    const person = await world.users.getUser({ userId: session.userId });
    assert.deepEqual([person.email, person.name], ["ann@example.com", "Ann"]);
    assert.equal((await world.exchange(code, verifier)).status, 400);
    assert.equal(browser.cookiesOf(publicUrl).size, 0);
    const again = await signOn("ann", { email: "other@example.com" });
    assert.equal((await checkSession(again.tokens["session_id"] ?? "")).userId, session.userId);
  });

  test("I14 RP a code is traded by whoever began the sign-in alone, and a wrong verifier uses it up", async () => {
    idp.signInAs({ sub: "bob", claims: { email: "bob@example.com" } });
    const { verifier, challenge } = newVerifier();
    const { url } = await world.newBrowser().follow(startUrl(connectionId, challenge), isConsole);
    const code = url.searchParams.get("code") ?? "";
    const stolen = await world.exchange(code, newVerifier().verifier);
    assert.deepEqual([stolen.status, (stolen.json as { error?: { code: string } }).error?.code], [400, "SSO_012"]);
    assert.equal((await world.exchange(code, verifier)).status, 400);
  });

  test("I14 RP an answer counts once, in the browser that began, with the state that it was given", async () => {
    idp.signInAs({ sub: "cid", claims: { email: "cid@example.com" } });
    const begin = async () => {
      const browser = world.newBrowser();
      const isCallback = (url: URL) => url.pathname.endsWith("/callback");
      const { url } = await browser.follow(startUrl(connectionId, newVerifier().challenge), isCallback);
      return { browser, url };
    };
    const codeOf = async (answer: Response) => ((await answer.json()) as { error: { code: string } }).error.code;
    const mine = await begin();
    // Somebody else's browser, and no cookie at all (log-in forgery).
    assert.equal(await codeOf(await world.newBrowser().send(mine.url.href)), "SSO_008");
    const theirs = await begin();
    assert.equal(await codeOf(await theirs.browser.send(mine.url.href)), "SSO_008");
    const wrongState = new URL(mine.url);
    wrongState.searchParams.set("state", theirs.url.searchParams.get("state") ?? "");
    assert.equal(await codeOf(await mine.browser.send(wrongState.href)), "SSO_008");
    // Another provider's name, as in a mix-up (RFC 9207).
    const mixedUp = new URL(theirs.url);
    mixedUp.searchParams.set("iss", "https://evil.example.com");
    assert.equal(await codeOf(await theirs.browser.send(mixedUp.href)), "SSO_010");
    const elsewhere = await connect(`Other ${tenantId}`);
    assert.equal(await codeOf(await mine.browser.send(mine.url.href.replace(connectionId, elsewhere))), "SSO_008");
    assert.equal((await mine.browser.send(mine.url.href)).status, 302);
    assert.equal(await codeOf(await mine.browser.send(mine.url.href)), "SSO_008");
    const both = await begin();
    const raced = await Promise.all(Array.from({ length: 20 }, () => both.browser.send(both.url.href)));
    assert.equal(raced.filter(({ status }) => status === 302).length, 1);
  });

  test("I14 RP what a provider says of groups holds at the next sign-on, and what others gave stays", async () => {
    const owner = await world.users.createUser({
      ...{
        tenantId,
        email: `owner-${tenantId.slice(-8)}@example.com`,
        password: "correct horse battery",
        name: "O",
        role: "owner",
      },
    });
    const actor = { userId: owner.userId, permissions: ["group:manage", "group:create"] };
    const make = async (name: string) => {
      let groupId = "";
      // Group hears of the owner in a moment.
      await waitUntil(async () => {
        const made = await world.groups
          .createGroup({ tenantId, name, ownerId: owner.userId, actor })
          .catch(() => undefined);
        groupId = made?.group?.groupId ?? "";
        return groupId !== "";
      });
      return groupId;
    };
    const [readers, writers] = [await make("Readers"), await make("Writers")];
    const path = `/api/v1/sso/connections/${connectionId}`;
    const mapping = [
      { value: "read", group_id: readers, role: "viewer" },
      { value: "write", group_id: writers, role: "member" },
      { value: "lead", group_id: writers, role: "admin" },
    ];
    const admin = `${tenantId}/usr_admin/sso:manage,group:manage`;
    assert.equal((await world.call(admin, "PATCH", path, { group_mapping: mapping })).status, 200);
    const { tokens } = await signOn("dan", { groups: ["read", "write", "unknown"] });
    const { userId } = await checkSession(tokens["session_id"] ?? "");
    const roles = async () => {
      await world.service.ops.givePending();
      const found: Record<string, string> = {};
      for (const [name, groupId] of [
        ["readers", readers],
        ["writers", writers],
      ] as const) {
        const { members } = await world.groups.listMembers({ tenantId, groupId, actor });
        const member = members.find((one) => one.userId === userId);
        if (member) found[name] = member.role;
      }
      return found;
    };
    await waitUntil(async () => Object.keys(await roles()).length === 2);
    assert.deepEqual(await roles(), { readers: "viewer", writers: "member" });
    await signOn("dan", { groups: ["lead", "write"] });
    assert.deepEqual(await roles(), { writers: "admin" });
    await world.groups.addMember({ tenantId, groupId: readers, userId, role: "member", actor });
    await signOn("dan", { groups: [] });
    assert.deepEqual(await roles(), { readers: "member" });
    await signOn("dan", { groups: ["read"] });
    await signOn("dan", { groups: [] });
    assert.deepEqual(await roles(), { readers: "member" });
  });

  test("I14 RP a role that follows from the provider's groups is had from the session on, and no more at the next without it", async () => {
    const path = `/api/v1/sso/connections/${connectionId}`;
    const role_mapping = [
      { value: "leads", role: "admin" },
      { value: "guests", role: "viewer" },
    ];
    const owner = `${tenantId}/usr_owner/*`;
    assert.equal((await world.call(owner, "PATCH", path, { role_mapping })).status, 200);
    const roleWith = async (groups: readonly string[]) => {
      const { tokens } = await signOn("lea", { groups });
      const { role, userId } = await checkSession(tokens["session_id"] ?? "");
      assert.equal((await world.users.getUser({ userId })).role, role);
      return role;
    };
    assert.equal(await roleWith(["guests", "leads"]), "admin", "the rule that stands first");
    assert.equal(await roleWith(["guests"]), "viewer");
    assert.equal(await roleWith(["other"]), "member");
    assert.equal(await roleWith(["leads"]), "admin");
    assert.equal((await world.call(owner, "PATCH", path, { role_mapping: [] })).status, 200);
    assert.equal(await roleWith(["leads"]), "member", "a rule that is gone gives nothing");
  });

  test("I14 RP keys that the provider has changed are fetched anew; a provider that is down is told as such", async () => {
    await signOn("eve");
    await idp.open({ redirectUris: [`${publicUrl}/api/v1/sso/${connectionId}/callback`] });
    await signOn("eve");
    idp.goDown();
    const fresh = await connect(`Down ${tenantId}`);
    const answer = await world.newBrowser().send(startUrl(fresh, newVerifier().challenge));
    const { error } = (await answer.json()) as { error: { code: string; message: string; retryable: boolean } };
    assert.deepEqual([answer.status, error.code, error.retryable], [503, "SSO_007", true]);
    assert.match(error.message, /Down .* does not answer as it should/);
    await idp.open({
      redirectUris: [`${publicUrl}/api/v1/sso/${connectionId}/callback`],
      backchannelLogoutUri: `${world.firstUrl}/api/v1/sso/${connectionId}/backchannel-logout`,
    });
  });

  test("I14 RP a session that ends at the provider ends here, and one that ends here is ended there", async () => {
    const { tokens, browser } = await signOn("fay");
    const other = await signOn("gus");
    const sessionId = tokens["session_id"] ?? "";
    const { userId } = await checkSession(sessionId);
    const answer = await world.call(`${tenantId}/${userId}/user:read/${sessionId}`, "POST", "/api/v1/sso/logout", {
      return_to: "http://lyss.localhost/bye",
    });
    assert.equal((await checkSession(sessionId)).isActive, false);
    const logoutUrl: string = answer.json.logout_url;
    assert.ok(logoutUrl.startsWith(`${idp.issuer}/session/end?`));
    const page = await (await browser.send(logoutUrl)).text();
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
    const confirm = { method: "POST", body: new URLSearchParams({ xsrf, logout: "yes" }) };
    const left = await browser.send(`${idp.issuer}/session/end/confirm`, confirm);
    assert.equal(left.headers.get("location"), "http://lyss.localhost/bye");

    const second = await signOn("fay");
    const secondId = second.tokens["session_id"] ?? "";
    await endAtProvider(second.browser);
    await waitUntil(async () => !(await checkSession(secondId)).isActive);
    assert.equal((await checkSession(other.tokens["session_id"] ?? "")).isActive, true);
  });

  test("I14 RP a sign-in that waits for a second factor here is over when it ends at the provider", async () => {
    const sql = postgres(topology.adminUrl(), { max: 1, onnotice: () => {} });
    const { tokens } = await signOn("ida");
    const { userId } = await checkSession(tokens["session_id"] ?? "");
    await sql`
      insert into auth.factor (factor_id, tenant_id, user_id, kind, name, created_at, sealed_secret)
      values ('fac_of_ida', ${tenantId}, ${userId}, 'totp', 'phone', now(), '')`;
    const { browser, tokens: asked } = await signOn("ida");
    assert.equal(asked["mfa_required"], true);
    const waiting = () => sql`select session_id from auth.sign_in_challenge where user_id = ${userId}`;
    const [challenge] = await waiting();
    const stands = () => world.service.sql`
      select expires_at > now() + interval '29 days' as is_kept from federated_session
      where session_id = ${challenge?.["session_id"]}`;
    assert.deepEqual([...(await stands())], [{ is_kept: true }]);
    await endAtProvider(browser);
    await waitUntil(async () => (await stands()).length === 0);
    assert.equal((await waiting()).length, 0);
    await sql.end();
  });

  test("I14 RP who is not allowed, or no more, does not come in", async () => {
    const { tokens } = await signOn("hal");
    const { userId } = await checkSession(tokens["session_id"] ?? "");
    await world.users.setUserStatus({ userId, tenantId, status: 3, reason: "left" });
    const refusedAs = async (sub: string, email: string) => {
      idp.signInAs({ sub, claims: { email, email_verified: true } });
      const { answer } = await world.newBrowser().follow(startUrl(connectionId, newVerifier().challenge), isConsole);
      return answer && ((await answer.json()) as { error: { code: string } }).error.code;
    };
    assert.equal(await refusedAs("hal", "hal@example.com"), "SSO_011");
    // An address that is another person's, in this tenant and elsewhere, and one that nobody can tell apart.
    assert.equal(await refusedAs("mallory", "ann@example.com"), "SSO_011");
    assert.equal(await refusedAs("mallory2", "\u212Aim@example.com"), "SSO_011");
    const admin = `${tenantId}/usr_admin/sso:manage,group:manage`;
    const path = `/api/v1/sso/connections/${connectionId}`;
    await world.call(admin, "PATCH", path, { allowed_domains: ["example.org"] });
    assert.equal(await refusedAs("new", "new@example.com"), "SSO_011");
    await world.call(admin, "PATCH", path, { enabled: false, allowed_domains: [] });
    const off = await world.newBrowser().send(startUrl(connectionId, newVerifier().challenge));
    assert.equal(off.status, 404);
    await world.call(admin, "PATCH", path, { enabled: true });
  });
});
