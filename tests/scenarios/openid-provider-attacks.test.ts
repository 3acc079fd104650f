import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
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
import { createScope, type SignOnWorld, signOnServices, startSignOn } from "./sign-on/world.ts";

eachTopology("I17: attacks on Lyss as OpenID provider", { services: signOnServices }, (topology) => {
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
  const basic = ({ id, secret }: TestClient) => ({
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
  });
  const trade = async (code: string, verifier: string, more: Record<string, string> = {}) => {
    const fields = { grant_type: "authorization_code", redirect_uri: callback, code, code_verifier: verifier, ...more };
    const answer = await post("/token", fields, basic(client));
    return { status: answer.status, json: (await answer.json()) as Record<string, string> };
  };

  test("I17 a code counts once, also when two nodes are asked at once, and a second use revokes what it gave (oidcc-codereuse, oidcc-codereuse-30seconds)", async () => {
    const { email, userId } = await createPerson(world, tenantId);
    const browser = world.newBrowser();
    const begun = begin(config);
    const code = (await answerPages(browser, begun.url, email)).url.searchParams.get("code") ?? "";
    const first = await trade(code, begun.verifier);
    assert.equal(first.status, 200);
    assert.equal((await openid.fetchUserInfo(config, first.json["access_token"] ?? "", userId)).sub, userId);
    const second = await trade(code, begun.verifier);
    assert.deepEqual([second.status, second.json["error"]], [400, "invalid_grant"]);
    await assert.rejects(openid.fetchUserInfo(config, first.json["access_token"] ?? "", userId));
    const again = begin(config);
    const raced = (await answerPages(browser, again.url, email)).url.searchParams.get("code") ?? "";
    const answers = await Promise.all(Array.from({ length: 20 }, () => trade(raced, again.verifier)));
    const accepted = answers.filter(({ status }) => status === 200);
    assert.ok(accepted.length <= 1 && answers.every(({ status }) => status === 200 || status === 400));
    for (const { json } of accepted) {
      await assert.rejects(openid.fetchUserInfo(config, json["access_token"] ?? "", userId));
    }
  });

  test("I17 PKCE is S256 or nothing: none, plain, a wrong verifier, none, and another client or redirect URI get 0 tokens", async () => {
    const { email } = await createPerson(world, tenantId);
    const browser = world.newBrowser();
    await signIn(config, browser, email);
    const ask = async (more: Record<string, string | undefined>) =>
      (await answerPages(browser, begin(config, more).url, email)).url.searchParams;
    for (const more of [
      { code_challenge: undefined, code_challenge_method: undefined },
      { code_challenge_method: "plain" },
      { code_challenge_method: undefined },
      { code_challenge: "short" },
      { code_challenge_method: "s256" },
    ]) {
      const back = await ask(more);
      assert.deepEqual([back.get("code"), back.get("error")], [null, "invalid_request"], JSON.stringify(more));
    }
    for (const response_type of ["token", "id_token", "code id_token", "code token", "none"]) {
      const back = await ask({ response_type });
      assert.equal(back.get("code"), null, response_type);
    }
    const other = await createClient(world, tenantId);
    for (const more of [
      { code_verifier: "x".repeat(43) },
      { code_verifier: "" },
      { redirect_uri: `${callback}/` },
      { client_id: other.id },
      { grant_type: "password", username: email, password: "x" },
      { grant_type: "client_credentials" },
    ]) {
      const begun = begin(config);
      const code = (await answerPages(browser, begun.url, email)).url.searchParams.get("code") ?? "";
      const { status } = await trade(code, begun.verifier, more as Record<string, string>);
      assert.ok(status === 400 || status === 401, `${status}: ${JSON.stringify(more)}`);
    }
    const wrong = await post("/token", { grant_type: "authorization_code" }, basic({ ...client, secret: "wrong" }));
    assert.equal(wrong.status, 401);
  });

  test("I17 50 other ways to write a redirect URI: 0 accepted, 0 redirects", async () => {
    const variants = listVariants();
    assert.ok(variants.length >= 50);
    for (const redirect_uri of variants) {
      const answer = await world.newBrowser().send(begin(config, { redirect_uri }).url.href);
      assert.deepEqual([answer.status, answer.headers.get("location")], [400, null], redirect_uri);
    }
    const twice = await world
      .newBrowser()
      .send(`${begin(config).url.href}&redirect_uri=https%3A%2F%2Fevil.example.com`);
    assert.deepEqual([twice.status, twice.headers.get("location")], [400, null]);
  });

  test("a client is set up, changed, given a new secret and removed by its own tenant; each is told, no secret is", async () => {
    const admin = `${tenantId}/usr_admin/sso:manage`;
    const made = await createClient(world, tenantId);
    const at = `/api/v1/sso/clients/${made.id}`;
    const shown = await world.call(admin, "GET", at);
    assert.deepEqual([shown.status, shown.json.issuer, "secret" in shown.json], [200, issuer, false]);
    const renamed = await world.call(admin, "PATCH", at, { name: "Another name", scopes: ["openid"] });
    assert.deepEqual([renamed.json.name, renamed.json.scopes], ["Another name", ["openid"]]);
    assert.equal(
      (await world.call(admin, "PATCH", at, { name: "X" }, { "if-match": '"1"' })).json.error.code,
      "SSO_033",
    );
    const rotated = await world.call(admin, "POST", `${at}:rotate`);
    for (const [secret, error] of [
      [made.secret, "invalid_client"],
      [rotated.json.secret, "invalid_grant"],
    ]) {
      const fields = {
        grant_type: "authorization_code",
        code: "x",
        code_verifier: "x".repeat(43),
        redirect_uri: callback,
      };
      const answer = await post("/token", fields, basic({ id: made.id, secret }));
      assert.equal(((await answer.json()) as { error: string }).error, error);
    }
    const stranger = `${(await world.newTenant()).tenantId}/usr_b/sso:manage`;
    for (const [method, path, sent] of [
      ["GET", at, undefined],
      ["PATCH", at, { name: "Theirs" }],
      ["POST", `${at}:rotate`, undefined],
      ["DELETE", at, undefined],
    ] as const) {
      assert.equal((await world.call(stranger, method, path, sent)).status, 404, method);
    }
    assert.equal((await world.call(admin, "DELETE", at)).json.deleted, true);
    assert.equal((await world.call(admin, "GET", at)).status, 404);
    const events = (await world.service.listEvents()).filter(({ data }) => data["clientId"] === made.id);
    const told = events.map(({ type, data }) => [type, data["actorId"]]);
    const acts = ["created", "updated", "updated", "deleted"].map((act) => [`sso.client.${act}`, "usr_admin"]);
    assert.deepEqual(told, acts);
    const rows = await world.service.sql`select client::text from client`;
    const secrets = [made.secret, rotated.json.secret];
    assert.ok(secrets.every((secret) => !JSON.stringify([events, rows]).includes(secret)));
  });

  test("a redirect URI that leads to who knows where is refused; a public client has no secret", async () => {
    const admin = `${tenantId}/usr_admin/sso:manage`;
    for (const redirect of [
      ...[
        "http://evil.example.com/cb",
        "https://*.example.com/cb",
        "https://a.example.com/cb#x",
        "javascript:alert(1)",
      ],
      ...["https://user@a.example.com/cb", "https://A.example.com/cb", "https://a.example.com/x/../cb", "cb", ""],
    ]) {
      const body = { name: "New", redirect_uris: [redirect] };
      assert.equal((await world.call(admin, "POST", "/api/v1/sso/clients", body)).status, 400, redirect);
    }
    const open = await createClient(world, tenantId, { type: "public", redirect_uris: ["http://127.0.0.1:7777/cb"] });
    assert.equal(open.secret, null);
    assert.equal((await world.call(admin, "POST", `/api/v1/sso/clients/${open.id}:rotate`)).json.error.code, "SSO_034");
  });
});

/** Ways to write something that is not, or not quite, the registered redirect URI. */
function listVariants(): readonly string[] {
  const { origin, pathname, host } = new URL(callback);
  const variants = [
    ...[
      "/",
      "?",
      "#",
      "?a=b",
      "#a",
      "%2f",
      "/.",
      "/..",
      "//",
      "/../x",
      ";a",
      "%00",
      "%20",
      " ",
      "\\",
      "@evil.example.com",
    ],
    ...[".evil.example.com", ":443", "%0d%0aLocation:%20https://evil.example.com", "\u0000", "\u200b"],
  ].map((tail) => callback + tail);
  variants.push(
    ...[
      origin,
      `${origin}/`,
      `http://${host}${pathname}`,
      `HTTPS://${host}${pathname}`,
      `//${host}${pathname}`,
      pathname,
    ],
    ...[`https://${host.toUpperCase()}${pathname}`, `${origin}:443${pathname}`, `${origin}.${pathname}`],
    ...[
      `https://user@${host}${pathname}`,
      `https://user:pass@${host}${pathname}`,
      `https://evil.example.com/${callback}`,
    ],
    ...[
      `https://evil.example.com#${callback}`,
      `https://evil.example.com?${callback}`,
      `https://sub.${host}${pathname}`,
    ],
    ...[`https://evil${host}${pathname}`, `${origin}${pathname.toUpperCase()}`, `${origin}/x/..${pathname}`],
    ...[`${origin}/%6cogin/generic_oauth`, `${origin}/login/generic%5Foauth`, `${origin}//login/generic_oauth`],
    ...[
      `${origin}\\login\\generic_oauth`,
      `https:${host}${pathname}`,
      `https:///${host}${pathname}`,
      "javascript:alert(1)",
    ],
    ...[
      "data:text/html,x",
      "urn:ietf:wg:oauth:2.0:oob",
      "http://127.0.0.1/cb",
      "http://localhost:1/cb",
      "*",
      "null",
      "",
    ],
    ...[`https://grafana.example.com\u3002evil.example.com${pathname}`, ` ${callback}`, `${callback},${callback}`],
  );
  return variants;
}
