import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { SessionEndReason } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { decodeJwt, decodeProtectedHeader } from "jose";
import * as openid from "openid-client";
import {
  answerPages,
  begin,
  callback,
  createClient,
  createPerson,
  discover,
  issuer,
  sendTo,
  signIn,
  type TestClient,
} from "./sign-on/relying-party.ts";
import { createScope, publicUrl, type SignOnWorld, signOnServices, startSignOn } from "./sign-on/world.ts";

eachTopology("I14 OP: Lyss as OpenID provider", { services: signOnServices }, (topology) => {
  let world: SignOnWorld;
  let tenantId = "";
  let client: TestClient;
  let config: openid.Configuration;

  const scope = createScope();
  after(scope.end);
  before(async () => {
    world = await startSignOn(topology, scope);
    ({ tenantId } = await world.newTenant());
    client = await createClient(world, tenantId);
    config = await discover(world, client);
  });

  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    sendTo(world)(issuer + path, { method: "POST", body: new URLSearchParams(fields), headers });
  test("I14 OP a stock client signs a person in over two nodes, and knows who they are; consent is asked once", async () => {
    const person = await createPerson(world, tenantId);
    const { group } = await world.groups.createGroup({
      ...{ tenantId, name: `Staff ${person.userId}`, ownerId: person.userId },
      actor: { userId: person.userId, permissions: ["group:manage", "group:create"] },
    });
    const browser = world.newBrowser();
    const { tokens, url, pages } = await signIn(config, browser, person.email);
    assert.equal(pages.length, 2);
    assert.equal(url.searchParams.get("iss"), issuer, "RFC 9207");
    const claims = tokens.claims();
    const told = { sub: person.userId, tenant: tenantId, name: "Ann", email: person.email, email_verified: false };
    const groups = [group?.name];
    assert.deepEqual({ ...claims, ...told, groups }, { ...claims });
    assert.deepEqual(
      { ...(await openid.fetchUserInfo(config, tokens.access_token, person.userId)) },
      { ...told, groups },
    );
    assert.equal(decodeProtectedHeader(tokens.id_token ?? "").alg, "RS256");
    const again = await signIn(config, browser, person.email);
    assert.deepEqual(again.pages, []);
    const elsewhere = await signIn(config, world.newBrowser(), person.email);
    assert.equal(elsewhere.pages.length, 1, "consent is remembered");
  });

  test("I14 OP a refresh token counts once: a copy ends what the sign-in gave", async () => {
    const { email, userId } = await createPerson(world, tenantId);
    const more = { scope: "openid offline_access", prompt: "consent" };
    const { tokens } = await signIn(config, world.newBrowser(), email, more);
    const next = await openid.refreshTokenGrant(config, tokens.refresh_token ?? "");
    assert.equal((await openid.fetchUserInfo(config, next.access_token, userId)).sub, userId);
    await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token ?? ""), { error: "invalid_grant" });
    await assert.rejects(openid.refreshTokenGrant(config, next.refresh_token ?? ""), { error: "invalid_grant" });
    await assert.rejects(openid.fetchUserInfo(config, next.access_token, userId));
  });

  test("I14 OP introspection and revocation speak of a client's own tokens alone", async () => {
    const { email } = await createPerson(world, tenantId);
    const { tokens } = await signIn(config, world.newBrowser(), email);
    const other = await discover(world, await createClient(world, tenantId));
    assert.equal((await openid.tokenIntrospection(config, tokens.access_token)).active, true);
    assert.deepEqual(await openid.tokenIntrospection(other, tokens.access_token), { active: false });
    await openid.tokenRevocation(config, tokens.access_token);
    assert.deepEqual(await openid.tokenIntrospection(config, tokens.access_token), { active: false });
  });

  for (const [act, end] of [
    [
      "the session is ended",
      async (person: { userId: string }) => {
        const reason = SessionEndReason.REVOKED;
        await world.authClient.endSessions({ tenantId, userId: person.userId, reason });
      },
    ],
    [
      "the person is suspended",
      async (person: { userId: string }) => {
        const version = BigInt(Date.now());
        await world.authClient.setPrincipal({
          ...{ tenantId, userId: person.userId, role: "member", isBarred: true, version },
        });
      },
    ],
  ] as const) {
    test(`I14 OP once ${act}, no token of it counts and the browser has to sign in`, async () => {
      const person = await createPerson(world, tenantId);
      const browser = world.newBrowser();
      const more = { scope: "openid offline_access", prompt: "consent" };
      const { tokens } = await signIn(config, browser, person.email, more);
      await end(person);
      await assert.rejects(openid.fetchUserInfo(config, tokens.access_token, person.userId));
      await assert.rejects(openid.refreshTokenGrant(config, tokens.refresh_token ?? ""), { error: "invalid_grant" });
      assert.deepEqual(await openid.tokenIntrospection(config, tokens.access_token), { active: false });
      const { url, answer } = await browser.follow(begin(config).url.href, (at) => at.origin !== publicUrl);
      assert.match(url.pathname, /^\/oidc\/interaction\//);
      assert.match((await answer?.text()) ?? "", /type="password"/);
    });
  }

  test("I14 OP wrong passwords, other tenants' people and whoever refuses do not come in", async () => {
    const person = await createPerson(world, tenantId);
    const wrong = await answerPages(
      world.newBrowser(),
      begin(config).url,
      person.email,
      "another password, a wrong one",
    );
    assert.equal(wrong.status, 401);
    assert.match(wrong.pages.at(-1) ?? "", /role="alert"/);
    const stranger = await createPerson(world, (await world.newTenant()).tenantId, "Eve");
    const refused = await answerPages(world.newBrowser(), begin(config).url, stranger.email);
    assert.equal(refused.status, 403);
    const browser = world.newBrowser();
    const { url } = await browser.follow(begin(config).url.href, (at) => at.origin !== publicUrl);
    const foreign = await world.newBrowser().send(url.href);
    assert.equal(foreign.status, 400, "the page belongs to the browser that came to it");
    const sent = await browser.send(url.href, { method: "POST", body: new URLSearchParams({ action: "cancel" }) });
    const back = await browser.follow(sent.headers.get("location") ?? "", (at) => at.origin !== publicUrl);
    assert.equal(back.url.searchParams.get("error"), "access_denied");
  });

  test("I14 OP the page is in the person's language, without script, and its forms lead nowhere else", async () => {
    const browser = world.newBrowser();
    const { url, answer } = await browser.follow(begin(config).url.href, (at) => at.origin !== publicUrl);
    const policy = answer?.headers.get("content-security-policy") ?? "";
    assert.match(
      policy,
      /default-src 'none'.*form-action 'self' https:\/\/grafana\.example\.com;.*frame-ancestors 'none'/,
    );
    const page = (await answer?.text()) ?? "";
    assert.doesNotMatch(page, /<script/);
    assert.match(page, /<html lang="en">/);
    const cookies = [...browser.cookiesOf(publicUrl)].map(([name, value]) => `${name}=${value}`).join("; ");
    const chinese = await sendTo(world)(url.href, { headers: { cookie: cookies, "accept-language": "zh-CN" } });
    assert.match(await chinese.text(), /<html lang="zh-CN">[\s\S]*密码/);
  });

  // Names as in the OpenID Foundation's conformance suite: plans oidcc-basic-certification-test-plan,
  // oidcc-config-certification-test-plan and oidcc-rp-initiated-logout-certification-test-plan.
  test("I14 OP oidcc-discovery-endpoint-verification, oidcc-idtoken-rs256, oidcc-ensure-registered-redirect-uri", async () => {
    const answer = await sendTo(world)(`${issuer}/.well-known/openid-configuration`);
    const metadata = (await answer.json()) as Record<string, unknown>;
    assert.equal(metadata["issuer"], issuer);
    for (const [name, path] of Object.entries({
      ...{ authorization_endpoint: "/authorize", token_endpoint: "/token", userinfo_endpoint: "/userinfo" },
      ...{ jwks_uri: "/jwks", introspection_endpoint: "/introspect", revocation_endpoint: "/revoke" },
      end_session_endpoint: "/logout",
    })) {
      assert.equal(metadata[name], issuer + path);
    }
    assert.deepEqual(metadata["response_types_supported"], ["code"]);
    assert.deepEqual(metadata["code_challenge_methods_supported"], ["S256"]);
    assert.deepEqual(metadata["id_token_signing_alg_values_supported"], ["RS256"]);
    assert.deepEqual(metadata["grant_types_supported"], ["authorization_code", "refresh_token"]);
    assert.equal(metadata["authorization_response_iss_parameter_supported"], true);
    assert.equal(metadata["registration_endpoint"], undefined);
    const keys = (await (await sendTo(world)(`${issuer}/jwks`)).json()) as { keys: Record<string, string>[] };
    assert.ok(keys.keys.length > 0 && keys.keys.every(({ kty, d, n }) => kty === "RSA" && d === undefined && n));
  });

  test("I14 OP oidcc-server, oidcc-response-type-missing, oidcc-prompt-none-not-logged-in, oidcc-prompt-none-logged-in, oidcc-prompt-login", async () => {
    const { email } = await createPerson(world, tenantId);
    const browser = world.newBrowser();
    const ask = async (more: Record<string, string | undefined>) =>
      (await answerPages(browser, begin(config, more).url, email)).url.searchParams;
    assert.equal((await ask({ response_type: undefined })).get("error"), "invalid_request");
    assert.equal((await ask({ prompt: "none" })).get("error"), "login_required");
    const first = await signIn(config, browser, email);
    const silent = await signIn(config, browser, email, { prompt: "none" });
    assert.deepEqual([silent.pages, silent.tokens.claims()?.sub], [[], first.tokens.claims()?.sub]);
    const anew = await signIn(config, browser, email, { prompt: "login" });
    assert.equal(anew.pages.length, 1);
    const hinted = await signIn(config, browser, email, { id_token_hint: anew.tokens.id_token ?? "", prompt: "none" });
    assert.equal(hinted.tokens.claims()?.sub, first.tokens.claims()?.sub, "oidcc-id-token-hint");
  });

  test("I14 OP oidcc-max-age-1, oidcc-max-age-10000, oidcc-login-hint, oidcc-display-page, oidcc-ui-locales, oidcc-acr-values, oidcc-claims-locales, oidcc-ensure-request-with-unknown-parameter-succeeds", async () => {
    const { email } = await createPerson(world, tenantId);
    const browser = world.newBrowser();
    const first = await signIn(config, browser, email, {
      ...{
        login_hint: email,
        display: "page",
        ui_locales: "se",
        claims_locales: "se",
        acr_values: "1 2",
        extra: "foobar",
      },
    });
    assert.match(first.pages[0] ?? "", new RegExp(`value="${email}"`));
    const recent = await signIn(config, browser, email, { max_age: "10000" });
    assert.deepEqual(recent.pages, []);
    assert.equal(typeof recent.tokens.claims()?.auth_time, "number");
    const strict = await signIn(config, browser, email, { max_age: "0" });
    assert.equal(strict.pages.length, 1);
  });

  test("I14 OP oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body, oidcc-scope-profile, oidcc-scope-email, oidcc-ensure-request-without-nonce-succeeds-for-code-flow, oidcc-server-client-secret-post", async () => {
    const { email, userId } = await createPerson(world, tenantId);
    const begun = begin(config, { nonce: undefined, scope: "openid email" });
    const { url } = await answerPages(world.newBrowser(), begun.url, email);
    const form = { client_id: client.id, client_secret: client.secret ?? "", grant_type: "authorization_code" };
    const code = url.searchParams.get("code") ?? "";
    const answer = await post("/token", { ...form, redirect_uri: callback, code, code_verifier: begun.verifier });
    const tokens = (await answer.json()) as Record<string, string>;
    assert.equal(answer.headers.get("cache-control"), "no-store");
    assert.equal(decodeJwt(tokens["id_token"] ?? "")["nonce"], undefined);
    const authorization = `Bearer ${tokens["access_token"]}`;
    const told = { sub: userId, tenant: tenantId, email, email_verified: false };
    const get = await sendTo(world)(`${issuer}/userinfo`, { headers: { authorization } });
    assert.deepEqual(await get.json(), told);
    assert.deepEqual(await (await post("/userinfo", {}, { authorization })).json(), told);
    assert.deepEqual(await (await post("/userinfo", { access_token: tokens["access_token"] ?? "" })).json(), told);
    const bad = await sendTo(world)(`${issuer}/userinfo`, { headers: { authorization: "Bearer x" } });
    assert.deepEqual([bad.status, bad.headers.get("www-authenticate")?.startsWith("Bearer")], [401, true]);
  });

  test("I14 OP oidcc-rp-initiated-logout, -bad-post-logout-redirect-uri, -no-params, -no-post-logout-redirect-uri: the session of ours ends too", async () => {
    const { email, userId } = await createPerson(world, tenantId);
    const browser = world.newBrowser();
    const { tokens } = await signIn(config, browser, email);
    const ask = (more: Record<string, string>) =>
      browser.send(`${issuer}/logout?${new URLSearchParams({ id_token_hint: tokens.id_token ?? "", ...more })}`);
    const bad = await ask({ post_logout_redirect_uri: "https://evil.example.com/" });
    assert.deepEqual([bad.status, bad.headers.get("location")], [400, null]);
    assert.equal((await browser.send(`${issuer}/logout`)).status, 200);
    const page = await (
      await ask({ post_logout_redirect_uri: "https://grafana.example.com/bye", state: "some state" })
    ).text();
    const [, xsrf = ""] = /name="xsrf" value="([^"]+)"/.exec(page) ?? [];
    const body = new URLSearchParams({ xsrf, logout: "yes" });
    const done = await browser.send(`${issuer}/logout/confirm`, { method: "POST", body });
    assert.equal(done.headers.get("location"), "https://grafana.example.com/bye?state=some+state");
    await assert.rejects(openid.fetchUserInfo(config, tokens.access_token, userId));
    const { ended } = await world.authClient.endSessions({ tenantId, userId, reason: SessionEndReason.REVOKED });
    assert.equal(ended, 0);
    const { url } = await browser.follow(begin(config, { prompt: "none" }).url.href, (at) => at.origin !== publicUrl);
    assert.equal(url.searchParams.get("error"), "login_required");
  });
});
