import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { eachTopology } from "@lyss/kit/testing/each-topology.ts";
import { startSamlProvider } from "./sign-on/saml-provider.ts";
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

interface PostedForm {
  readonly action: string;
  readonly SAMLResponse: string;
  readonly RelayState: string;
}

eachTopology("I14 SAML: sign-on by a real SAML provider", { services: signOnServices }, (topology) => {
  let world: SignOnWorld;
  let idp: Awaited<ReturnType<typeof startSamlProvider>>;
  let tenantId = "";
  let connectionId = "";
  const scope = createScope();
  after(scope.end);
  before(async () => {
    world = await startSignOn(topology, scope);
    idp = await startSamlProvider(scope, systemClock.nowMs);
    ({ tenantId } = await world.newTenant());
    connectionId = await world.connect(tenantId, {
      ...{ kind: "saml", name: "Acme", metadata_url: idp.metadataUrl, create_people: true, claims: { email: "mail" } },
    });
    const metadata = await fetch(`${world.firstUrl}/api/v1/sso/${connectionId}/saml/metadata`);
    assert.equal(metadata.headers.get("content-type"), "application/samlmetadata+xml; charset=utf-8");
    idp.know(await metadata.text());
  });

  /** Begins, and has the provider say what the browser is to post. */
  async function begin(nameId = "ann", more: { readonly sessionMs?: number; readonly mail?: string } = {}) {
    idp.signInAs({ nameId, mail: `${nameId}@example.com`, ...more });
    const browser = world.newBrowser();
    const { verifier, challenge } = newVerifier();
    const { answer } = await browser.follow(startUrl(connectionId, challenge), isConsole);
    const text = (await answer?.text()) ?? "";
    assert.equal(answer?.status, 200, text);
    return { browser, verifier, form: JSON.parse(text) as PostedForm };
  }

  /** As a browser posts another site's form: `SameSite=Lax` cookies stay behind. */
  const post = ({ action, ...form }: PostedForm, accept = "*/*") =>
    fetch(world.nextUrl() + action.slice(publicUrl.length), {
      ...{ method: "POST", redirect: "manual", headers: { accept, "accept-language": "zh-CN" } },
      body: new URLSearchParams(form),
    });

  async function finish({ browser, verifier, form }: Awaited<ReturnType<typeof begin>>) {
    const posted = await post(form);
    assert.equal(posted.status, 303, await posted.text());
    const next = posted.headers.get("location") ?? "";
    const { url, answer } = await browser.follow(next, isConsole);
    if (answer) assert.fail(await answer.text());
    assert.deepEqual([...url.searchParams.keys()], ["code"]);
    const { status, json } = await world.exchange(url.searchParams.get("code") ?? "", verifier);
    assert.equal(status, 200, JSON.stringify(json));
    return { next, sessionId: json["session_id"] ?? "" };
  }

  const checkSession = (sessionId: string) => world.authClient.checkSession({ sessionId });
  const codeOf = async (answer: Response) => ((await answer.json()) as { error?: { code: string } }).error?.code;

  test("I14 SAML a person signs on over two nodes, each side set up by the other's metadata, and is known again", async () => {
    const began = await begin();
    const { sessionId, next } = await finish(began);
    const session = await checkSession(sessionId);
    assert.deepEqual([session.isActive, session.tenantId, session.role], [true, tenantId, "member"]);
    assert.equal((await world.users.getUser({ userId: session.userId })).email, "ann@example.com");
    assert.equal(began.browser.cookiesOf(publicUrl).size, 0);
    assert.equal(await codeOf(await began.browser.send(next)), "SSO_008");
    const again = await finish(await begin("ann", { mail: "other@example.com" }));
    assert.equal((await checkSession(again.sessionId)).userId, session.userId);
  });

  test("I14 SAML an answer counts once, to its own request, in the browser that began", async () => {
    const mine = await begin("cid");
    const theirs = await begin("dan");
    // Unasked for, and to another's request.
    assert.equal(await codeOf(await post({ ...mine.form, RelayState: "" })), "SSO_008");
    assert.equal(await codeOf(await post({ ...mine.form, RelayState: theirs.form.RelayState })), "SSO_010");
    const posted = await Promise.all(Array.from({ length: 10 }, () => post(mine.form)));
    assert.deepEqual(posted.map(({ status }) => status).sort(), [303, ...Array(9).fill(403)]);
    assert.equal(await codeOf(await post(mine.form)), "SSO_010");
    // Somebody else's browser, made to go where mine should (log-in forgery); then mine.
    const next = posted.find(({ status }) => status === 303)?.headers.get("location") ?? "";
    assert.equal(await codeOf(await theirs.browser.send(next)), "SSO_008");
    const raced = await Promise.all(Array.from({ length: 10 }, () => mine.browser.send(next)));
    assert.equal(raced.filter(({ status }) => status === 302).length, 1);
    // A browser that comes before its answer is there.
    const early = next.replace(/state=.*/, `state=${theirs.form.RelayState}`);
    assert.equal(await codeOf(await theirs.browser.send(early)), "SSO_008");
    assert.equal(await codeOf(await post(theirs.form)), "SSO_008");
  });

  test("I14 SAML what is refused is a page in the person's language for a browser, and runs nothing", async () => {
    const { form } = await begin("eve");
    const altered = Buffer.from(Buffer.from(form.SAMLResponse, "base64").toString().replace(">eve<", ">ann<"));
    const answer = await post({ ...form, SAMLResponse: altered.toString("base64") }, "text/html,application/xhtml+xml");
    const page = await answer.text();
    assert.deepEqual([answer.status, answer.headers.get("content-type")], [403, "text/html; charset=utf-8"]);
    assert.match(answer.headers.get("content-security-policy") ?? "", /default-src 'none'/);
    assert.match(page, /<html lang="zh-CN">[\s\S]*签名不符合要求[\s\S]*SSO_010/);
    const large = await post({ ...form, SAMLResponse: "A".repeat(400_000) });
    assert.deepEqual([large.status, await codeOf(large)], [400, "KIT_002"]);
  });

  test("I14 SAML a session ends when the provider stops vouching for it", async () => {
    const untilMs = systemClock.nowMs() + 65_000;
    const ends = async (more?: { sessionMs: number }) => {
      const { sessionId } = await finish(await begin(more ? "fay" : "gus", more));
      const { isActive, expiresAt } = await checkSession(sessionId);
      return [isActive, expiresAt !== undefined && timestampMs(expiresAt) < untilMs];
    };
    assert.deepEqual(await ends({ sessionMs: 60_000 }), [true, true]);
    assert.deepEqual(await ends(), [true, false]);
  });

  test("I14 SAML a connection takes what is of its kind, tells what its provider needs, and each field its bound", async () => {
    const admin = `${tenantId}/usr_admin/sso:manage`;
    const path = `/api/v1/sso/connections/${connectionId}`;
    const shown = (await world.call(admin, "GET", path)).json;
    assert.equal(shown.acs_url, `${publicUrl}/api/v1/sso/${connectionId}/saml/acs`);
    assert.deepEqual([shown.entity_id, shown.certificates.length], [`${idp.origin}/saml`, 1]);
    const found = (await world.call(admin, "POST", `${path}:test`)).json;
    assert.deepEqual([found.works, found.findings[0].check], [true, "certificates"]);
    for (const [field, value, code] of [
      ["client_id", "lyss", "SSO_017"],
      ["issuer", "https://id.example.com", "SSO_017"],
      ["certificates", ["no certificate, this"], "KIT_002"],
      ["certificates", [], "KIT_002"],
      ["certificates", Array(4).fill(idp.certificate), "KIT_002"],
      ["entity_id", "a b", "KIT_002"],
      ["sso_url", "javascript:alert(1)", "KIT_002"],
      ["metadata", "<a/>", "SSO_017"],
      ["metadata", "<!DOCTYPE a><a/>", "SSO_017"],
      ["metadata", "x".repeat(262_145), "KIT_002"],
      ["metadata_url", "http://127.0.0.1:1/", "SSO_017"],
    ] as const) {
      const { status, json } = await world.call(admin, "PATCH", path, { [field]: value });
      assert.deepEqual([status, json.error.code], [400, code], `${field}: ${JSON.stringify(value).slice(0, 80)}`);
      assert.ok(json.error.message.startsWith(field), json.error.message);
    }
    const bare = await world.call(admin, "POST", "/api/v1/sso/connections", { kind: "saml", name: "Bare" });
    assert.deepEqual([bare.status, bare.json.error.details.field], [400, "entity_id"]);
    for (const elsewhere of ["callback?state=a", "saml/continue?state=a"]) {
      const answer = await fetch(`${world.firstUrl}/api/v1/sso/${connectionId}/${elsewhere}`);
      assert.equal(await codeOf(answer), elsewhere.startsWith("saml") ? "SSO_008" : "SSO_001");
    }
  });
});
